"""The search for a family's settings: trials learn on train, are valued on validation, and never see the test block.

``space``: what is searched. ``trials``: what is kept of each trial, in the lake. ``split``: which validation queries
choose, and which re-score what was chosen. ``study``: the loop, which stands where it stood after an interruption.
"""
