"""What is raised where a value cannot cross from one interpreter to the other. Python 3.8+."""

from __future__ import annotations


class Unsendable(BaseException):
    """This value cannot cross, or must not. No code that is called should catch it."""


class Foreign(Unsendable):
    """An object whose class only the other side has, and which compares by rules of its own."""
