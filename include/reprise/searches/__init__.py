"""Raw logs become searches, impressions, rejects and daily statistics; nothing is lost, every record has a fate."""
