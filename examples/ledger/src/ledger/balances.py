"""What everybody is owed (positive) or owes (negative)."""


def balances(expenses):
    """Add up expenses. The balances always add up to zero."""
    totals = {}
    for expense in expenses:
        totals[expense.payer] = totals.get(expense.payer, 0) + expense.cents
        for person, share in expense.shares().items():
            totals[person] = totals.get(person, 0) - share
    return totals
