"""Payments that bring all balances to zero."""

from typing import NamedTuple


class Transfer(NamedTuple):
    """`debtor` pays `creditor`."""

    debtor: str
    creditor: str
    cents: int


def settle(totals):
    """Return few transfers after which nobody owes anything.

    The largest debtor pays the largest creditor, again and again; at most one transfer fewer
    than there are people.
    """
    debtors = sorted((cents, name) for name, cents in totals.items() if cents < 0)
    creditors = sorted((-cents, name) for name, cents in totals.items() if cents > 0)
    transfers = []
    while debtors and creditors:
        debt, debtor = debtors.pop(0)
        credit, creditor = creditors.pop(0)
        cents = min(-debt, -credit)
        transfers.append(Transfer(debtor, creditor, cents))
        if debt + cents < 0:
            debtors.append((debt + cents, debtor))
            debtors.sort()
        if credit + cents < 0:
            creditors.append((credit + cents, creditor))
            creditors.sort()
    return transfers
