"""One runnable example of an issue, and what the issue says should come of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Claim(StrEnum):
    """What a test made of an example asks for."""

    VALUE = "value"  # the expression has the value stated
    OUTPUT = "output"  # the code prints the text stated
    RAISES = "raises"  # the code raises the exception stated
    NO_ERROR = "no_error"  # the code no longer ends in the exception shown
    HOLDS = "holds"  # the code's own assertions hold


@dataclass(frozen=True, kw_only=True)
class Example:
    """Code out of an issue. `setup` runs first and claims nothing."""

    setup: str
    code: str
    """One expression for VALUE, else statements."""
    claim: Claim
    stated: str = ""
    """Value, output or exception as the issue writes it; empty for HOLDS."""

    @property
    def sentence(self) -> str:
        """What the test asks for, in one line for people."""
        code = " ".join(self.code.split())
        snippet = code if len(code) <= 80 else f"{code[:79]}…"
        outcome = " ".join(self.stated.split())[:80]
        return {
            Claim.VALUE: f"`{snippet}` gives `{outcome}`",
            Claim.OUTPUT: f"`{snippet}` prints `{outcome}`",
            Claim.RAISES: f"`{snippet}` raises {outcome}",
            Claim.NO_ERROR: f"`{snippet}` no longer raises {outcome} (its value is not looked at)",
            Claim.HOLDS: f"`{snippet}` holds",
        }[self.claim]
