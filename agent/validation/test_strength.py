"""Whether the tests notice small faults in the very lines that a patch wrote.

Where they do not, they would not have noticed either that the patch itself is slightly wrong.
"""

from __future__ import annotations

import difflib
import math
import time
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from agent.baseline.test_selection import nearest_passing
from agent.patches.changes import FileChange
from agent.source.token_swaps import Token, lines_of, swap_compiles, swaps_of, tokens_of
from agent.validation.test_outcomes import not_passed, outcomes
from agent.validation.validation_context import ValidationContext, apply_changes
from sandbox.source import SourceEdit, apply_edits, decode_source_lossless

T = TypeVar("T")
MAX_SWAPS = 6
MAX_STRENGTH_SECONDS = 6.0
"""After which no further fault is tried."""
MAX_RUN_SECONDS = 2.0
"""Of the tests of one run; slower tests are not run for it."""
NEAR_LINES = 4
"""How far away a name may stand that is put in place of another."""
MAX_TOKENS = 200
"""On the lines of a patch that are looked at; of more, a few from all places."""
MAX_NAMES = 50
"""Of those near by."""
MAX_FILE_BYTES = 1_000_000
"""Of a file; a larger one is not read for it: the host's time is limited, too."""
MAX_COMPARED_LINES = 2_000
"""Of a patch, from its first line to its last; in a larger one every line counts as written."""
PARALLEL_RUNS = 2


@dataclass(frozen=True, kw_only=True)
class TestStrength:
    """How many small faults in the lines of a patch were tried, and noticed by some test."""

    __test__ = False

    chosen: int = 0
    """Faults that were to be tried; fewer were where the time was over."""
    tried: int = 0
    noticed: int = 0
    unnoticed: str = ""
    """One that no test noticed, for people."""


def strength_at(
    validation: ValidationContext,
    changes: Mapping[str, FileChange],
    max_seconds: float = math.inf,
) -> TestStrength:
    """Try small faults in what the patch wrote; nothing is tried where the tests are slow.
    Takes up to `MAX_STRENGTH_SECONDS` or `max_seconds`, and what the last run needs beyond.

    Raises SandboxError for infrastructure only.
    """
    deadline = time.monotonic() + min(MAX_STRENGTH_SECONDS, max_seconds)
    tests = _tests(validation)
    swaps = small_faults(changes, deadline) if tests else []
    if not swaps:
        return TestStrength()

    def noticed(swap: SourceEdit) -> bool | None:
        if time.monotonic() > deadline:
            return None
        old, new = changes[swap.path]
        source = decode_source_lossless(new or b"")
        faulty = source.encode(apply_edits(source.text, [swap]))
        with validation.open_session() as session:
            apply_changes(session, {**changes, swap.path: (old, faulty)})
            report = validation.run(session, tests)
        return bool(not_passed(outcomes(report, tests, validation.evidence.uncollected)))

    with ThreadPoolExecutor(PARALLEL_RUNS) as pool:
        observations = list(zip(swaps, pool.map(noticed, swaps), strict=True))
    unnoticed_swaps = [swap for swap, was in observations if was is False]
    return TestStrength(
        chosen=len(swaps),
        tried=sum(was is not None for _, was in observations),
        noticed=sum(was is True for _, was in observations),
        unnoticed=_shown(unnoticed_swaps[0], changes) if unnoticed_swaps else "",
    )


def small_faults(changes: Mapping[str, FileChange], deadline: float = math.inf) -> list[SourceEdit]:
    """A few faults in what a patch wrote, as edits of the patched text, the same each time, unless
    the deadline (of `time.monotonic`) ends it: only those picked are compiled."""
    swaps: list[SourceEdit] = []
    for swap in _spread(list(_swaps(changes, deadline))):
        if len(swaps) == MAX_SWAPS or time.monotonic() > deadline:
            break
        if swap_compiles(_new_text(changes, swap.path), swap):
            swaps.append(swap)
    return swaps


def _tests(validation: ValidationContext) -> list[str]:
    """The failing tests and quick ones beside them; none where those alone are slow."""
    seconds = validation.evidence.seconds
    budget_seconds = MAX_RUN_SECONDS - sum(
        seconds.get(test_id, 1.0) for test_id in validation.fail_to_pass
    )
    if budget_seconds < 0:
        return []
    beside = nearest_passing(
        validation.fail_to_pass, validation.pass_to_pass, seconds, budget_seconds=budget_seconds
    )
    return validation.in_order([*validation.fail_to_pass, *beside])


def _is_read(path: str, new: bytes) -> bool:
    return path.endswith(".py") and len(new) <= MAX_FILE_BYTES


def _swaps(changes: Mapping[str, FileChange], deadline: float = math.inf) -> Iterator[SourceEdit]:
    for path, (old, new) in sorted(changes.items()):
        if new is None or not _is_read(path, new) or time.monotonic() > deadline:
            continue
        try:
            text = decode_source_lossless(new).text
            before = decode_source_lossless(old or b"").text
            yield from _on_lines(path, text, written_lines(before, text))
        except (ValueError, SyntaxError, tokenize.TokenError):
            continue


def written_lines(before: str, text: str) -> frozenset[int]:
    """Lines (from 1) that stand only in the new text; beside what was removed, where none do."""
    old, new = lines_of(before), lines_of(text)
    first = _alike(old, new)
    last = _alike(old[first:][::-1], new[first:][::-1])
    old, new = old[first : len(old) - last], new[first : len(new) - last]
    if len(old) + len(new) > MAX_COMPARED_LINES:
        return frozenset(range(first + 1, first + len(new) + 1))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    opcodes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    new_lines = {first + line + 1 for _, _, _, low, high in opcodes for line in range(low, high)}
    beside = {first + line for code in opcodes for line in (code[3], code[3] + 1)}
    return frozenset(new_lines or beside)


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """With how many equal lines both begin."""
    pairs = enumerate(zip(old, new, strict=False))
    return next(
        (n for n, (old_line, new_line) in pairs if old_line != new_line), min(len(old), len(new))
    )


def _on_lines(path: str, text: str, lines: frozenset[int]) -> Iterator[SourceEdit]:
    """Swaps of a few tokens on these lines; of names only for those that stand near by."""
    if not lines:
        return iter(())
    near = {line + away for line in lines for away in range(-NEAR_LINES, NEAR_LINES + 1)}
    tokens = [token for token in tokens_of(text, max(near)) if token.line in near]
    names = sorted({token.text for token in tokens if token.is_name})
    on_lines: list[Token] = [token for token in tokens if token.line in lines]
    return swaps_of(path, _every(on_lines, MAX_TOKENS), _every(names, MAX_NAMES))


def _spread(swaps: Sequence[SourceEdit]) -> list[SourceEdit]:
    """A few of them, from all places, those that swap no name first."""
    symbol_swaps = [swap for swap in swaps if not swap.replacement.isidentifier()]
    names = [swap for swap in swaps if swap.replacement.isidentifier()]
    return [*_every(symbol_swaps, MAX_SWAPS), *_every(names, MAX_SWAPS)]


def _every(items: Sequence[T], most: int) -> list[T]:
    step = max(1, -(-len(items) // most))
    return list(items[::step])


def _shown(swap: SourceEdit, changes: Mapping[str, FileChange]) -> str:
    text = _new_text(changes, swap.path)
    line = text.count("\n", 0, swap.start) + 1
    return f"`{text[swap.start : swap.end]}` → `{swap.replacement}` in {swap.path}:{line}"


def _new_text(changes: Mapping[str, FileChange], path: str) -> str:
    return decode_source_lossless(changes[path][1] or b"").text
