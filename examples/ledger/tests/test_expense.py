import pytest
from ledger import Expense


def test_shares_are_by_person():
    expense = Expense("ann", 900, ["ann", "bob", "cem"], "pizza")
    assert sorted(expense.shares()) == ["ann", "bob", "cem"]


def test_nobody_twice():
    with pytest.raises(ValueError, match="twice"):
        Expense("ann", 900, ["bob", "bob"])


def test_more_than_nothing():
    with pytest.raises(ValueError, match="nothing"):
        Expense("ann", 0, ["bob"])


def test_repr_names_everything():
    assert repr(Expense("ann", 5, ["bob"], "gum")) == "Expense('ann', 5, ['bob'], 'gum')"
