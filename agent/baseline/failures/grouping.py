"""Groups of failing tests: those that seem to fail for one cause, to be repaired by themselves.

Two tests belong together where they fail alike, or where most of what is special about one of them
(lines that few passing tests run) is run by the other, too. A wrong split costs little: whoever
repairs one group looks whether the tests of the others pass then. In doubt they stay together, for
more tests judge a patch better.

Each rule of a program may have lines of its own that only its own test runs, and all rules call the
function that is wrong. So groups are put together where a single line explains their failures
better than a line for each would, as BARINEL weighs one fault against several (Abreu, Zoeteweij and
van Gemund, "Spectrum-Based Multiple Fault Localization", ASE 2009). The parts keep their turn for
the case that the single fault is not found. So do the tests of a group that are stopped by one
exception in one function, where others of it fail otherwise: those may fail for a second fault.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from agent.baseline.failures.foreign_causes import foreign_cause
from sandbox.languages.coverage import Coverage
from sandbox.runners.base import TestResult
from sandbox.runners.test_ids import named_file

SHARED_SHARE = 0.5
"""Of the weight of the lines of the test that runs less (0..1), from which both are one group."""

FAULT_PRIOR = 0.1
"""Probability that a line is faulty before anything ran. BARINEL takes 0.01; here groups stay apart
in doubt, for a wrong split costs little."""
MAX_SPLIT = 2
"""Parts of a group for what stops their tests: those with most tests."""
MIN_TOGETHER = 3
"""Groups that are put together: of two, the second is tried with the patch for the first anyway."""

Line = tuple[str, int]
IsSource = Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class TestGroup:
    """Failing tests that are repaired together."""

    __test__ = False

    tests: tuple[str, ...]
    cause: str = ""
    """What outside the project they seem to fail for; empty where the code seems at fault."""
    of: tuple[str, ...] = ()
    """The tests that seem to fail for the same cause, where these alone are stopped in one way."""


def groups_of(
    failures: Mapping[str, TestResult],
    lines: Mapping[str, Coverage],
    passing: Iterable[Coverage],
    is_source: IsSource,
) -> list[TestGroup]:
    """The failing tests in groups, the most promising first. A test of a group that was put
    together of several stands in one of these as well, further behind.

    `lines` are the project's lines that a test ran, where that is known, and `passing` those of
    each passing test that was recorded.
    """
    causes = {test_id: foreign_cause(result) for test_id, result in failures.items()}
    counts = Counter(line for coverage in passing for line in _lines(coverage))
    ran = {
        test_id: frozenset(line for line in _lines(lines[test_id]) if is_source(line[0]))
        for test_id in failures
        if test_id in lines
    }
    groups: list[list[str]] = []
    for test_id in failures:
        near = [
            group
            for group in groups
            if any(
                causes[test_id] == causes[member]
                and _together(test_id, member, failures, ran, counts, is_source)
                for member in group
            )
        ]
        groups = [group for group in groups if group not in near]
        groups.append([*(member for group in near for member in group), test_id])
    single = [
        TestGroup(tests=_ordered(group, failures), cause=causes[group[0]]) for group in groups
    ]
    own = [group for group in single if not group.cause]
    whole, parts = _put_together(own, ran, counts)
    split = [part for group in own for part in _split(group, failures, is_source)]
    foreign = [group for group in single if group.cause]
    return [group for kind in (whole, parts, split, foreign) for group in _by_reach(kind, ran)]


def _split(
    group: TestGroup, failures: Mapping[str, TestResult], is_source: IsSource
) -> list[TestGroup]:
    """The tests of a group by the exception and the function that stop them."""
    tests_by_place = defaultdict[tuple[str, str, str], list[str]](list)
    for test_id in group.tests:
        place = _place(failures[test_id], is_source)
        if place is not None:
            tests_by_place[place].append(test_id)
    parts = sorted(tests_by_place.values(), key=len, reverse=True)[:MAX_SPLIT]
    return [
        TestGroup(tests=tuple(part), of=group.tests)
        for part in parts
        if len(part) < len(group.tests)
    ]


def outermost(groups: Sequence[TestGroup]) -> list[TestGroup]:
    """The groups that are no part of another."""
    return [g for g in groups if not any(set(g.tests) < set(group.tests) for group in groups)]


def innermost(groups: Sequence[TestGroup]) -> list[TestGroup]:
    """The groups of which no other is a part."""
    return [g for g in groups if not any(set(group.tests) < set(g.tests) for group in groups)]


def _put_together(
    groups: Sequence[TestGroup], ran: Mapping[str, frozenset[Line]], passed: Mapping[Line, int]
) -> tuple[list[TestGroup], list[TestGroup]]:
    """The groups, those together that one faulty line explains best, and the parts of these."""
    whole, parts = list(groups), list[TestGroup]()
    while members := _explained_by_one(whole, ran, passed):
        order = [test_id for group in groups for test_id in group.tests]
        tests = {test_id for group in members for test_id in group.tests}
        whole = [group for group in whole if group not in members]
        whole.append(TestGroup(tests=_ordered(tests, order)))
        parts += [group for group in members if group in groups]
    return whole, parts


def _explained_by_one(
    groups: Sequence[TestGroup], ran: Mapping[str, frozenset[Line]], passed: Mapping[Line, int]
) -> list[TestGroup]:
    """The groups for which one faulty line is more probable than one for each; none where no line
    is."""
    shared_lines = [_shared_lines(group, ran) for group in groups]
    alone = [
        max((_likelihood(len(group.tests), passed[line]) for line in lines), default=0.0)
        for group, lines in zip(groups, shared_lines, strict=True)
    ]
    places_by_line = defaultdict[Line, list[int]](list)
    for place, lines in enumerate(shared_lines):
        for line in lines:
            places_by_line[line].append(place)

    def gain(line: Line) -> float:
        places = places_by_line[line]
        together = _likelihood(sum(len(groups[place].tests) for place in places), passed[line])
        fewer_faults = (len(places) - 1) * -math.log(FAULT_PRIOR)
        return together - sum(alone[place] for place in places) + fewer_faults

    gains = {
        line: gain(line) for line, places in places_by_line.items() if len(places) >= MIN_TOGETHER
    }
    best = max(gains, key=lambda line: gains[line], default=None)
    return [groups[p] for p in places_by_line[best]] if best is not None and gains[best] > 0 else []


def _shared_lines(group: TestGroup, ran: Mapping[str, frozenset[Line]]) -> frozenset[Line]:
    """The lines that all tests of a group run."""
    return frozenset[Line].intersection(*(ran.get(t, frozenset()) for t in group.tests))


def _likelihood(failed: int, passed: int) -> float:
    """Logarithm of the probability of what was seen where one line is faulty and so many failing
    and passing tests run it: with the share of runs that it leaves right that fits best."""
    runs = failed + passed
    return sum(number * math.log(number / runs) for number in (failed, passed) if number)


def _by_reach(groups: Iterable[TestGroup], ran: Mapping[str, frozenset[Line]]) -> list[TestGroup]:
    return sorted(groups, key=lambda group: -_ran_any(group, ran))


def _together(
    first: str,
    second: str,
    failures: Mapping[str, TestResult],
    ran: Mapping[str, frozenset[Line]],
    counts: Mapping[Line, int],
    is_source: IsSource,
) -> bool:
    """Whether two tests seem to fail for one cause."""
    places = [_place(failures[test_id], is_source) for test_id in (first, second)]
    if places[0] is not None and places[0] == places[1]:
        return True
    first_set, second_set = ran.get(first, frozenset()), ran.get(second, frozenset())
    if not first_set or not second_set:  # nothing is known of what they run, or they run nothing
        return not (first_set or second_set) and _file(first) == _file(second)
    weights = [sum(1 / (1 + counts[line]) for line in lines) for lines in (first_set, second_set)]
    overlap = sum(1 / (1 + counts[line]) for line in first_set & second_set)
    return overlap >= SHARED_SHARE * min(weights)


def _place(result: TestResult, is_source: IsSource) -> tuple[str, str, str] | None:
    """The exception, and the function of the project that raised it."""
    frame = next((frame for frame in reversed(result.frames) if is_source(frame.path)), None)
    return None if frame is None else (result.exception, frame.path, frame.function)


def _lines(coverage: Coverage) -> Iterable[Line]:
    return ((path, line) for path, lines in coverage.items() for line in lines)


def _file(test_id: str) -> str:
    return named_file(test_id) if "::" in test_id else test_id.rpartition(".")[0]


def _ordered(group: Collection[str], failures: Iterable[str]) -> tuple[str, ...]:
    return tuple(test_id for test_id in failures if test_id in group)


def _ran_any(group: TestGroup, ran: Mapping[str, frozenset[Line]]) -> int:
    """How many tests of a group run code of the project: those a patch can reach."""
    return sum(bool(ran.get(test_id)) for test_id in group.tests)


def without_tests(groups: Sequence[TestGroup], gone: Collection[str]) -> list[TestGroup]:
    """The groups without these tests; those that are empty then are left out."""
    remainder = [
        replace(group, tests=tuple(t for t in group.tests if t not in gone)) for group in groups
    ]
    return [group for group in remainder if group.tests]
