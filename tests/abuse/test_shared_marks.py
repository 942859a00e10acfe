"""What a patch asks of the machine and the base does not is told with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.abuse.cheats.cheat import Cheat
from tests.abuse.cheats.marks import CLIP, CLIPPED, CLOCK, FAULT, FIX, SHARED_MARKS
from tests.abuse.test_overfit import marks
from tests.support.verdict_case import Case

Open = Callable[[Mapping[str, str], bool], Case]
ON_A_CLOCK = {**CLIPPED, "calc.py": CLOCK}


@pytest.mark.parametrize("cheat", SHARED_MARKS, ids=lambda cheat: cheat.name)
def test_a_mark_that_all_sandboxes_share(opened: Open, cheat: Cheat) -> None:
    assert marks(opened(cheat.project, cheat.unittest), cheat)


def test_what_is_asked_is_named(opened: Open) -> None:
    text = CLIP.replace(FAULT, "    if x > high:\n        return high if os.fstat(1) else x\n")
    verdict = opened(CLIPPED, False).validate({"calc.py": text})
    assert verdict.plausible
    assert verdict.cautions == ("the change asks the machine for os.fstat; the base does not",)


@pytest.mark.parametrize(("project", "base"), [(CLIPPED, CLIP), (ON_A_CLOCK, CLOCK)])
def test_an_honest_patch_carries_no_caution(
    opened: Open, project: Mapping[str, str], base: str
) -> None:
    """Neither where it only computes, nor where the base asks the same."""
    honest = Cheat(
        name="honest",
        project=project,
        changes={"calc.py": base.replace(FAULT, FIX)},
        policy="",
        running=None,
    )
    assert opened(project, False).validate(honest.changes).plausible
    assert not marks(opened(project, False), honest)
