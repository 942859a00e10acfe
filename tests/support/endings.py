"""How a repair by the search may end whose test is about something else.

Whether a small project's tests say enough to be sure depends on how much was looked at in time.
"""

from __future__ import annotations

from agent.records import Status
from cli.exit_codes import of_status

FOUND = (Status.REPAIRED, Status.PLAUSIBLE)
FOUND_WORDS = ("Repaired: ", "Plausible, may be wrong: ")
FOUND_CODES = tuple(int(of_status(status)) for status in FOUND)
