"""One expense: somebody paid something for some people."""

from ledger.money import split_evenly


class Expense:
    """`payer` paid `cents` for everybody in `people` (the payer may be one of them)."""

    def __init__(self, payer, cents, people, what=""):
        if cents <= 0:
            raise ValueError("an expense is more than nothing")
        if len(set(people)) != len(people):
            raise ValueError("somebody is named twice")
        self.payer = payer
        self.cents = cents
        self.people = list(people)
        self.what = what

    def shares(self):
        """What each person's part of it is, in cents."""
        return dict(zip(self.people, split_evenly(self.cents, len(self.people)), strict=True))

    def __repr__(self):
        return f"Expense({self.payer!r}, {self.cents}, {self.people!r}, {self.what!r})"
