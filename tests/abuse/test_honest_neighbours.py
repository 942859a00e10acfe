"""An honest patch is accepted where the cheats beside it are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.abuse.cheats import measures, rebound, unasked, vacuous
from tests.abuse.cheats.cheat import Cheat
from tests.abuse.cheats.honest import HONEST_NEIGHBOURS
from tests.support.verdict_case import Case

Open = Callable[[Mapping[str, str], bool], Case]


@pytest.mark.parametrize("honest", HONEST_NEIGHBOURS, ids=lambda honest: honest.name)
def test_honest_patch_is_accepted(opened: Open, honest: Cheat) -> None:
    verdict = opened(honest.project, honest.unittest).validate(honest.changes)
    assert verdict.plausible, verdict.objections
    if honest in (*vacuous.HONEST, *measures.HONEST, *rebound.HONEST, *unasked.HONEST):
        assert not verdict.unchecked
