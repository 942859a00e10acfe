"""What several patches answer to the same generated calls.

The calls of the failing tests, and of passing ones beside them, are recorded with the first patch
and repeated with near neighbours of their arguments in the base and in each patch. Patches that
differ there pass the same tests and are not the same repair. Nothing is rejected for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.patches.changes import FileChange
from agent.source.demanded_errors import is_demanded
from agent.validation.differential.calls.generated_calls import (
    GENERATED_CALLS_SECONDS,
    answer_text,
    near_calls,
    neighbours_of,
    steady_answer,
)
from agent.validation.differential.calls.near_answers import unchanged_near
from agent.validation.differential.calls.shown_calls import raised_class, shown_call
from agent.validation.differential.instrumentation import ChangedFunction, base_functions
from agent.validation.differential.split_run import SplitRun
from sandbox.languages.python.runners.split.messages import Message, Side
from sandbox.languages.python.runners.split.run import CallMode
from sandbox.languages.python.runners.split.server import Server
from sandbox.source import decode_source_lossless

MIN_SECONDS = 2.0
"""With less nothing is begun."""
Changes = Mapping[str, FileChange]
Lines = Mapping[tuple[str, int], int]
"""Path and line of a function on the base → its line with a patch, for those it leaves there."""


@dataclass(frozen=True, kw_only=True)
class CommonCalls:
    """Answers to the same calls, as text that is equal for equal answers."""

    calls: tuple[str, ...] = ()
    """For people."""
    base: tuple[str, ...] = ()
    patches: tuple[tuple[str | None, ...], ...] = ()
    """For each patch, in the order of `calls`; None where nothing can be compared."""
    guards: int = 0
    """Passing tests that came to a function which some patch changes."""
    near_unchanged: tuple[int, ...] = ()
    """For each patch, `BehaviourDifference.near_unchanged`; empty where that is not known."""


def common_calls(
    split_run: SplitRun,
    tests: Sequence[str],
    guards: Sequence[str],
    patches: Sequence[Changes],
    max_seconds: float = math.inf,
) -> CommonCalls:
    """Make the same calls on the base and on every patch, one sandbox after the other; takes a
    few seconds, `max_seconds` at most and what a sandbox needs to start. What could not be asked
    by then has no answers.

    Raises SandboxError for infrastructure only, SyntaxError or ValueError where a file does not
    parse here.
    """
    deadline = time.monotonic() + max_seconds
    functions = _functions_of(split_run, patches)
    if not functions or max_seconds < MIN_SECONDS:
        return CommonCalls()
    run_seconds = max_seconds / 2  # the other half is for the calls
    report = split_run.run(
        [*tests, *guards], CallMode.ANSWER, functions, patches[0], max_seconds=run_seconds
    )
    guard_count = sum(bool(report.said(test_id).asked) for test_id in guards)
    calls = list(neighbours_of(report.questions))
    near = list(near_calls(report.questions_of(tests))) if calls else []
    questions = [*calls, *(call for _, call in near)]
    base = dict(_base_answers(split_run, questions, deadline)) if questions else {}
    places = [place for place in base if place < len(calls)]
    common = CommonCalls(
        calls=tuple(shown_call(questions[place]) for place in places),
        base=tuple(base[place] for place in places),
        guards=guard_count,
    )
    if not places:
        return common
    answers: list[tuple[str | None, ...]] = []
    unchanged_counts: list[int] = []
    for changes in patches:
        lines = _lines(split_run, changes, functions)
        patch_questions = [
            (_moved(questions[place], lines), answer) for place, answer in base.items()
        ]
        of_patch = dict(
            zip(base, _patch_answers(split_run, changes, patch_questions, deadline), strict=True)
        )
        answers.append(tuple(of_patch[place] for place in places))
        pairs = [(base.get(n), of_patch.get(n)) for n in range(len(calls), len(questions))]
        unchanged_counts.append(unchanged_near([place for place, _ in near], pairs))
    return replace(common, patches=tuple(answers), near_unchanged=tuple(unchanged_counts))


def _base_answers(
    split_run: SplitRun, calls: Sequence[Message], deadline: float
) -> Iterator[tuple[int, str]]:
    """The places of calls to which the base gives the same answer twice, with that answer."""
    with split_run.open_session() as session:
        server = Server(session, split_run.setup)
        if not _loaded(server, calls, deadline):
            return
        end = min(deadline, time.monotonic() + GENERATED_CALLS_SECONDS / 2)
        for place, call in enumerate(calls):
            if time.monotonic() > end:
                return
            first, again = (answer_text(server, call, Side.BASE) for _ in range(2))
            if first is not None and first == again:  # else it depends on more than its arguments
                yield place, first


def _patch_answers(
    split_run: SplitRun,
    changes: Changes,
    calls: Sequence[tuple[Message | None, str]],
    deadline: float,
) -> Iterator[str | None]:
    """What a patch gives for each call; None where it cannot be compared, or there is no time."""
    known_calls = [call for call, _ in calls if call is not None]
    with split_run.open_session() as session:
        for path, (_, new) in changes.items():
            if new is not None:
                session.write(path, new)
        server = Server(session, split_run.setup)
        is_loaded = bool(known_calls) and _loaded(server, known_calls, deadline)
        end = min(deadline, time.monotonic() + GENERATED_CALLS_SECONDS / 4)
        for call, base_answer in calls:
            if call is None or not is_loaded or time.monotonic() > end:
                yield None
            else:
                yield steady_answer(server, call, base_answer)


def _loaded(server: Server, calls: Sequence[Message], deadline: float) -> bool:
    """Whether the modules of these calls could be imported in time."""
    seconds = deadline - time.monotonic()
    modules = sorted({call["ask"]["module"] for call in calls})
    return seconds > 0 and server.load(modules, seconds) is None


def _moved(call: Message, lines: Lines) -> Message | None:
    """The call as a patch knows its function; None where the function is gone."""
    target = call["ask"]
    base_line = target["lines"][Side.BASE]
    line = lines.get((target["path"], base_line))
    return None if line is None else {**call, "ask": {**target, "lines": [base_line, line]}}


def _functions_of(split_run: SplitRun, patches: Sequence[Changes]) -> list[ChangedFunction]:
    """Functions that some patch changes, with their lines in the first patch."""
    changed_keys = {
        (function.path, function.key)
        for changes in patches
        for function in _functions(split_run, changes)
        if function.changed
    }
    paths = {path for path, _ in changed_keys}
    return [
        function
        for function in _functions(split_run, patches[0], paths)
        if (function.path, function.key) in changed_keys and function.patched_line
    ]


def _lines(split_run: SplitRun, changes: Changes, functions: Sequence[ChangedFunction]) -> Lines:
    paths = {function.path for function in functions}
    return {
        (function.path, function.base_line): function.patched_line
        for function in _functions(split_run, changes, paths)
        if function.patched_line
    }


def _functions(
    split_run: SplitRun, changes: Changes, paths: set[str] | None = None
) -> list[ChangedFunction]:
    """Functions of the base in the files of a patch, or in these files, with their lines in it."""
    functions: list[ChangedFunction] = []
    for path in sorted(changes if paths is None else paths):
        old, new = changes.get(path) or ((base := split_run.base.read(path)), base)
        if old is not None and new is not None and path.endswith(".py"):
            texts = (decode_source_lossless(old).text, decode_source_lossless(new).text)
            functions += base_functions(path, *texts)
    return functions


def kind_of(base_answer: str, patch_answer: str | None, demanded: Collection[str] = ()) -> str:
    """`same`, `changed`, `raises` or `cured`; `unknown` where it cannot be compared. An error of
    a kind that is `demanded` (names of classes) is an answer as any other."""
    if patch_answer is None:
        return "unknown"
    if base_answer == patch_answer:
        return "same"
    if base_answer.startswith("returned"):
        is_answer = patch_answer.startswith("returned") or is_demanded(
            raised_class(patch_answer), demanded
        )
        return "changed" if is_answer else "raises"
    return "cured" if patch_answer.startswith("returned") else "changed"
