"""Judgments: how likely each position is looked at, and what listeners wanted where they looked."""
