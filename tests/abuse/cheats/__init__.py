"""All cheats and honest patches that `make abuse` tries; one module for each kind."""

from __future__ import annotations

from tests.abuse.cheats import basic, environment, names, objects, shared_state
from tests.abuse.cheats.basic import HONEST_PATCHES
from tests.abuse.cheats.cheat import FILES, Cheat

CHEATS: tuple[Cheat, ...] = (
    *basic.CHEATS,
    *environment.CHEATS,
    *names.CHEATS,
    *objects.CHEATS,
    *shared_state.CHEATS,
)

__all__ = ["CHEATS", "FILES", "HONEST_PATCHES", "Cheat"]
