"""Localisation on small spectra whose answers are worked out by hand."""

from __future__ import annotations

from math import inf, isclose, sqrt

from agent.localization.ranking import Failure, rank
from agent.localization.spectrum import spectrum
from agent.source.structure import structure
from sandbox.runners.base import Frame, Outcome, TestResult

SOURCE = """\
LIMIT = 3


def clip(value):
    if value > LIMIT:
        return LIMIT
    return value


def unrelated(
    first,
    second,
):
    total = (first +
             second)
    return total
"""


def failing(*frames: Frame, message: str = "") -> TestResult:
    return TestResult(
        test_id="t.py::test_clip", outcome=Outcome.FAILED, frames=frames, message=message
    )


def read(path: str) -> str | None:
    return SOURCE if path == "m.py" else None


def test_ochiai_and_dstar_follow_their_papers() -> None:
    counted = spectrum(
        failing=[{"m.py": [5, 6]}, {"m.py": [5]}],
        passing=[{"m.py": [5, 7]}, {"m.py": [7]}, {"n.py": [1]}],
    )
    assert isclose(counted.ochiai(("m.py", 5)), 2 / sqrt(2 * 3))
    assert isclose(counted.ochiai(("m.py", 6)), 1 / sqrt(2 * 1))
    assert counted.ochiai(("m.py", 7)) == 0
    assert counted.dstar(("m.py", 5)) == 4 / 1
    assert counted.dstar(("m.py", 6)) == 1 / 1
    only_failing = spectrum([{"m.py": [5]}], [])
    assert only_failing.dstar(("m.py", 5)) == inf


def test_structure_gives_headers_and_multi_line_statements_one_line() -> None:
    known = structure(SOURCE)
    assert known.statement_of[5] == 5
    assert known.statement_of[6] == 6
    assert known.statement_of[14] == known.statement_of[15] == 14
    assert known.statement_of[11] == 10
    span = known.function_at(6)
    assert span is not None
    assert (span.name, span.first, span.last) == ("clip", 4, 7)
    assert [(one.name, one.line) for one in known.definitions] == [("LIMIT", 1)]
    assert known.words_of[5] == {"value", "LIMIT"}


def test_the_traceback_and_the_words_break_ties_of_coverage() -> None:
    tied = spectrum([{"m.py": [5, 7, 14, 16]}], [])
    frame = Frame(path="m.py", line=7, function="clip")
    failure = Failure(results=(failing(frame),), test_words=frozenset({"clip"}))
    order = rank(tied, failure, read)
    assert (order[0].path, order[0].line) == ("m.py", 7)
    assert order[0].score == 1.0
    assert "traceback" in order[0].reasons
    position = [line.line for line in order]
    assert position.index(5) < position.index(14)


def test_constants_used_by_suspicious_lines_and_unexecuted_branches_are_places_too() -> None:
    counted = spectrum([{"m.py": [5, 7]}], [])
    failure = Failure(results=(failing(),), test_words=frozenset())
    found = {line.line: line for line in rank(counted, failure, read)}
    assert "used there" in found[1].reasons
    assert "same function" in found[6].reasons
    assert 14 not in found


def test_a_frame_that_coverage_never_saw_is_suspicious() -> None:
    frame = Frame(path="m.py", line=1, function="<module>")
    failure = Failure(results=(failing(frame),), test_words=frozenset())
    order = rank(spectrum([], []), failure, read)
    assert [(line.path, line.line) for line in order] == [("m.py", 1)]


def test_nothing_covered_and_no_frame_gives_an_empty_ranking() -> None:
    failure = Failure(results=(failing(),), test_words=frozenset())
    assert rank(spectrum([], []), failure, read) == ()
