"""What a patch asks of the machine and the base does not is told with it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping

import pytest

from sandbox.languages.python.runners.pytest import PytestRunner, PytestSetup
from tests.abuse.cheats.cheat import Cheat
from tests.abuse.cheats.marks import CLIP, CLIPPED, CLOCK, FAULT, FIX, SHARED_MARKS
from tests.abuse.cheats.process_state import HASH, ORDER, PROCESS_STATE, THREAD, with_value
from tests.abuse.test_overfit import marks
from tests.support.own_plugins import OWN_PLUGINS_OFF
from tests.support.verdict_case import Case, open_case

Open = Callable[[Mapping[str, str], bool], Case]
ON_A_CLOCK = {**CLIPPED, "calc.py": CLOCK}


@pytest.mark.nightly
@pytest.mark.parametrize("cheat", [*SHARED_MARKS, *PROCESS_STATE], ids=lambda cheat: cheat.name)
def test_a_mark_that_all_sandboxes_share(opened: Open, cheat: Cheat) -> None:
    assert marks(opened(cheat.project, cheat.unittest), cheat)


def test_a_second_thread_is_no_mark_of_tests(opened: Open) -> None:
    """Where the patch answers there is one more, as in many a program."""
    verdict = opened(THREAD.project, False).validate(THREAD.changes)
    assert not verdict.plausible
    assert "passes only where the patch runs together with the tests" in verdict.objections[0]


@pytest.fixture(scope="module")
def seeded(place: object) -> Iterator[Case]:
    """A project that fixes the seed of hashes, as its configuration may."""
    if place is not None:
        pytest.skip("tried without an engine")
    setup = PytestSetup(
        python=sys.executable, addopts=OWN_PLUGINS_OFF, env=(("PYTHONHASHSEED", "0"),)
    )
    with open_case(CLIPPED, PytestRunner(setup)) as case:
        yield case


def _with_seed(expression: str) -> object:
    """What the expression is where the seed is 0."""
    command = [sys.executable, "-c", f"print(repr({expression}))"]  # isolated, it reads no seed
    done = subprocess.run(
        command, env={"PYTHONHASHSEED": "0"}, capture_output=True, text=True, check=True
    )
    return ast.literal_eval(done.stdout)


def test_a_hash_is_asked_where_its_seed_is_fixed(seeded: Case) -> None:
    cheat = with_value(HASH, _with_seed("hash('clip') % 1000003"))
    assert "builtins.hash" in marks(seeded, cheat)[0]


def test_the_order_of_a_set_is_known_to_say_nothing(seeded: Case) -> None:
    """Honest about the limits: when this fails, a layer has become stronger; say so."""
    assert not marks(seeded, with_value(ORDER, _with_seed("list({'clip', 'same'})")))


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
