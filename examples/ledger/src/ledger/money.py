"""Amounts of money as whole cents."""

import re

_AMOUNT = re.compile(r"(-?)(\d+)(?:\.(\d{1,2}))?")


def parse_cents(text):
    """Turn "12.5" into 1250. Raises ValueError for anything that is not an amount."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"not an amount: {text!r}")
    sign, whole, fraction = match.groups()
    cents = int(whole) * 100 + int((fraction or "").ljust(2, "0"))
    return -cents if sign else cents


def format_cents(cents):
    """Turn 1250 into "12.50"."""
    sign = "-" if cents < 0 else ""
    whole, fraction = divmod(abs(cents), 100)
    return f"{sign}{whole}.{fraction:02d}"


def split_evenly(cents, people):
    """Split an amount so that the shares differ by at most one cent and add up again.

    The first people pay the odd cents.
    """
    if people < 1:
        raise ValueError("nobody to split between")
    share, left = divmod(cents, people)
    return [share + 1 if position <= left else share for position in range(people)]
