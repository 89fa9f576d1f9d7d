"""Which features a ranker can do without: what repeats, what is chosen again, what is missed, what it costs."""
