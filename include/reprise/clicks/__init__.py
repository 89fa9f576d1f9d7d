"""Click models on sessions: how listeners read a list, and what they wanted, told apart in several ways.

They are comparators. The lifecycle learns from `reprise.judgments`, which needs sums and no sessions; these say, on
sessions held out, whether another idea of how a list is read would foretell the clicks better.
"""
