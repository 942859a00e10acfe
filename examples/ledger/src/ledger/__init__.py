"""Shared expenses: who owes whom how much. All amounts are whole cents."""

from ledger.balances import balances
from ledger.expense import Expense
from ledger.money import format_cents, parse_cents, split_evenly
from ledger.settle import Transfer, settle

__all__ = [
    "Expense",
    "Transfer",
    "balances",
    "format_cents",
    "parse_cents",
    "settle",
    "split_evenly",
]
