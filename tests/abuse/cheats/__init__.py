"""All cheats and honest patches that `make abuse` tries; one module for each kind."""

from __future__ import annotations

from tests.abuse.cheats import (
    answers,
    basic,
    borrowed,
    classes,
    environment,
    explained,
    names,
    objects,
    programs,
    shared_state,
)
from tests.abuse.cheats.basic import HONEST_PATCHES
from tests.abuse.cheats.cheat import FILES, Cheat

CHEATS: tuple[Cheat, ...] = (
    *basic.CHEATS,
    *answers.CHEATS,
    *borrowed.CHEATS,
    *classes.CHEATS,
    *explained.CHEATS,
    *programs.CHEATS,
    *environment.CHEATS,
    *names.CHEATS,
    *objects.CHEATS,
    *shared_state.CHEATS,
)

__all__ = ["CHEATS", "FILES", "HONEST_PATCHES", "Cheat"]
