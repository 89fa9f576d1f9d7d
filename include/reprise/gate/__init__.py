"""The gate: is one candidate proven better than what serves now? Yes, no, or not proven."""
