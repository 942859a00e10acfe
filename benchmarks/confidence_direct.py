"""Samples for `benchmarks/confidence.py` that cost a second: QuixBugs programs, called directly.

A damaged copy of a correct program (by seed: one token swapped, two of them, or a statement taken
out, so that the repair is often out of the search's reach, as with real bugs) gets a small suite of
drawn inputs (some that show the fault, none to a dozen that do not: weak tests are what makes wrong
patches pass). The
search's own single edits of the whole program are tried in their order until eight pass. Signs are
those of the product, by its own functions, with calls made here instead of in two sandboxes; right
is who agrees with the correct version on 300 other inputs.

    python -m benchmarks.confidence_direct ~/QuixBugs gcd --seeds 1 2 3     # JSON lines
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import random
import signal
import time
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from agent.evaluation.suites.projects.quixbugs.guest_programs import calls
from agent.evaluation.suites.projects.quixbugs.inputs import inputs
from agent.proposers.search.catalogue import candidates
from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.records import CandidatePatch, ExecutedSigns, PlausiblePatch, Verdict
from agent.selection.overfitting.penalty import penalty_of
from agent.selection.patch_ranking import ranked
from agent.selection.plausible_patch import appraise
from agent.source.module import Module
from agent.validation.differential.calls.agreement import signs_of_patch
from agent.validation.differential.calls.common_calls import CommonCalls
from agent.validation.differential.calls.generated_calls import MUTANTS_PER_CALL, neighbour
from agent.validation.test_strength import small_faults
from benchmarks import oracle
from benchmarks.mutants import swapped
from benchmarks.planted_bugs import lines_of_functions
from benchmarks.reporting import Record
from sandbox.source import apply_edits

POOL = 60
JUDGED = 300
ENOUGH = 8
SECONDS = 6.0
"""For the candidates of one program."""
CALL_SECONDS = 0.05
SHOWN_FAULTS = (1, 1, 2, 3)
PASSING = (0, 1, 3, 6, 12)
Answer = tuple[str, Any]


@dataclass(frozen=True)
class Suite:
    """Inputs with the answers of the correct version; those that fail on the base first."""

    name: str
    failing: list[Any]
    passing: list[Any]
    right: Callable[..., Any]

    def passes(self, function: Callable[..., Any]) -> bool:
        return all(agrees(self.name, self.right, function, one) for one in self.inputs)

    @property
    def inputs(self) -> list[Any]:
        return [*self.failing, *self.passing]


def agrees(name: str, right: Callable[..., Any], other: Callable[..., Any], given: Any) -> bool:
    return oracle.compare(right, other, name, [given]).differing == 0


def loaded(text: str, name: str) -> Callable[..., Any] | None:
    module = types.ModuleType(name)
    signal.setitimer(signal.ITIMER_REAL, CALL_SECONDS)
    try:
        exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    except (Exception, calls.CallTimedOut):
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    function = getattr(module, name, None)
    return function if callable(function) else None


def run(checkout: Path, name: str, seed: int) -> Record | None:
    """One planted fault with its patches; None where the drawn inputs do not show it."""
    text = (checkout / "correct_python_programs" / f"{name}.py").read_text(encoding="utf-8")
    draw = random.Random(f"{seed} {name} direct")
    right, base_text = loaded(text, name), _damaged(name, text, seed, draw)
    base = loaded(base_text, name) if base_text else None
    if right is None or base is None:
        return None
    suite = _drawn_suite(name, right, base, draw)
    if suite is None:
        return None
    path = f"{name}.py"
    found = list(_plausible(path, base_text, suite))
    patches = ranked([_appraised(one, path, base_text, suite) for one in found])
    return {
        "tag": f"direct-{name}-{seed}",
        "source": "quixbugs direct",
        "group": name,
        "patches": list(_judged(patches, path, base_text, suite, base)),
    }


def _damaged(name: str, text: str, seed: int, draw: random.Random) -> str:
    """The text with a fault; empty where none could be put in."""
    if seed % 3 == 2:
        return _without_a_statement(text, draw)
    for _ in range(1 + seed % 3):
        edit = swapped(name, text, {draw.choice(lines_of_functions(text))}, draw)
        if edit is None:
            return ""
        text = apply_edits(text, [edit])
    return text


def _without_a_statement(text: str, draw: random.Random) -> str:
    simple = (ast.Assign, ast.AugAssign, ast.Expr, ast.Return, ast.If)
    inside = [
        statement
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.For | ast.While | ast.If)
        for statement in node.body
        if isinstance(statement, simple)
    ]
    if not inside:
        return ""
    gone = draw.choice(inside)
    lines = text.splitlines(keepends=True)
    lines[gone.lineno - 1 : gone.end_lineno] = [f"{' ' * gone.col_offset}pass\n"]
    return "".join(lines)


def _drawn_suite(
    name: str, right: Callable[..., Any], base: Callable[..., Any], draw: random.Random
) -> Suite | None:
    pool = inputs(name, draw.randrange(10**6), POOL, [])
    usable = [one for one in pool if calls.call(right, name, one)[0] == "value"]
    failing = [one for one in usable if not agrees(name, right, base, one)]
    passing = [one for one in usable if one not in failing]
    if not failing:
        return None
    return Suite(name, failing[: draw.choice(SHOWN_FAULTS)], passing[: draw.choice(PASSING)], right)


def _plausible(path: str, text: str, suite: Suite) -> Iterator[CandidatePatch]:
    module = Module.parse(path, text)
    context = ProjectContext.build({path: module}, [repr(suite.inputs)])
    began, number = time.monotonic(), 0
    for candidate in candidates(module, lines_of_functions(text), context=context):
        if time.monotonic() - began > SECONDS or number == ENOUGH:
            return
        function = loaded(apply_edits(text, candidate.edits), suite.name)
        if function is not None and suite.passes(function):
            number += 1
            yield candidate


def _appraised(candidate: CandidatePatch, path: str, text: str, suite: Suite) -> PlausiblePatch:
    changes = {path: (text.encode(), apply_edits(text, candidate.edits).encode())}
    verdict = Verdict(plausible=True, fail_to_pass={}, pass_to_pass={})
    return appraise(candidate, verdict, changes, [repr(suite.failing)])


def _judged(
    patches: Sequence[PlausiblePatch],
    path: str,
    text: str,
    suite: Suite,
    base: Callable[..., Any],
) -> Iterator[Record]:
    texts = [apply_edits(text, patch.candidate.edits) for patch in patches]
    functions = [function for one in texts if (function := loaded(one, suite.name))]
    common = _common(suite, base, functions)
    asked = inputs(suite.name, 7, JUDGED, [])
    for number, patch in enumerate(patches):
        changes = {path: (text.encode(), texts[number].encode())}
        signs = _with_strength(signs_of_patch(common, number, len(patches)), changes, suite)
        agreement = oracle.compare(suite.right, functions[number], suite.name, asked)
        yield {
            "winner": number == 0,
            "description": patch.candidate.description,
            "diff": patch.diff,
            "signs": asdict(signs),
            "penalty": penalty_of(changes, [repr(suite.failing)], patch.verdict),
            "right": agreement.differing == 0,
            "why": f"{JUDGED} inputs",
        }


def _common(
    suite: Suite, base: Callable[..., Any], functions: Sequence[Callable[..., Any]]
) -> CommonCalls:
    calls = list(_neighbours(suite.inputs))
    answers = [[_text(one, suite.name, call) for call in calls] for one in (base, *functions)]
    kept = [n for n in range(len(calls)) if answers[0][n] is not None]
    return CommonCalls(
        calls=tuple(f"{suite.name}{calls[n]!r}"[:80] for n in kept),
        base=tuple(str(answers[0][n]) for n in kept),
        patches=tuple(tuple(one[n] for n in kept) for one in answers[1:]),
        guards=len(suite.passing),
    )


def _text(function: Callable[..., Any], name: str, given: Any) -> str | None:
    try:
        how, value = calls.call(function, name, given)
    except (Exception, RecursionError):
        return None  # the neighbour is no input at all: an edge to a node that is not there
    if how == "value":
        return f"returned {json.dumps([repr(value), []])}"
    return f"raised {json.dumps([value])}" if how == "raised" else "hung"


def _neighbours(given: Sequence[Any]) -> Iterator[Any]:
    source, seen = random.Random(7), {repr(one) for one in given}
    for _ in range(MUTANTS_PER_CALL):
        for one in given:
            changed = copy.deepcopy(list(one))
            places = list(_places(changed))
            if places:
                holder, index = source.choice(places)
                holder[index] = neighbour(holder[index], source)
                if repr(changed) not in seen:
                    seen.add(repr(changed))
                    yield changed


def _places(value: Any) -> Iterator[tuple[list[Any], int]]:
    for index, item in enumerate(value):
        if isinstance(item, bool | int | float | str):
            yield value, index
        elif isinstance(item, list):
            yield from _places(item)


def _with_strength(signs: ExecutedSigns, changes: Any, suite: Suite) -> ExecutedSigns:
    tried = noticed = 0
    for fault in small_faults(changes):
        text = changes[fault.path][1].decode()
        function = loaded(apply_edits(text, [fault]), suite.name)
        tried += 1
        noticed += function is None or not suite.passes(function)
    return replace(signs, swaps=tried, noticed=noticed, repaired=len(suite.failing))


def _alarm(_number: int, _frame: object) -> None:
    raise calls.CallTimedOut


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.confidence_direct",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkout", type=Path)
    parser.add_argument("name")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _alarm)
    calls.CALL_SECONDS = CALL_SECONDS
    for seed in options.seeds:
        try:
            record = run(options.checkout, options.name, seed)
        except calls.CallTimedOut:  # rung just behind the call it was set for
            continue
        if record is not None:
            print(json.dumps(record), flush=True)


if __name__ == "__main__":
    main()
