"""Localisation on small spectra whose answers are worked out by hand."""

from __future__ import annotations

from math import inf, isclose, sqrt

from agent.localization.line_ranking import Failure, rank
from agent.localization.spectrum import spectrum
from agent.records import SuspiciousLine
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


CLAUSES = """\
class Store:
    @lru_cache(
        maxsize=None,
    )
    def load(self, key):
        try:
            return self.find(
                key,
            )
        except (
            KeyError,
            IndexError,
        ) as error:
            raise LookupError from error
        match key:
            case 0 | (
                1
                | 2
            ) if self.small:
                return key
"""


def test_every_line_of_decorators_and_clauses_belongs_to_a_statement() -> None:
    known = structure(CLAUSES)
    rows = {line: known.statement_of[line] for line in range(1, 20)}
    assert rows == {
        **{1: 1, 2: 5, 3: 5, 4: 5, 5: 5, 6: 6, 7: 7, 8: 7, 9: 7},
        **{10: 10, 11: 10, 12: 10, 13: 10, 14: 14, 15: 15, 16: 16, 17: 16, 18: 16, 19: 16},
    }
    assert (known.last_of[7], known.last_of[10], known.last_of[5]) == (9, 13, 5)


def _places(text: str, ran: list[int], frame: int = 0) -> dict[int, SuspiciousLine]:
    frames = [Frame(path="m.py", line=frame, function="f")] if frame else []
    failure = Failure(results=(failing(*frames),), test_words=frozenset())
    found = rank(spectrum([{"m.py": ran}], []), failure, lambda path: text)
    return {line.line: line for line in found}


def test_a_statement_has_the_values_of_all_its_lines() -> None:
    """Python may have no event for its first line."""
    (place,) = (one for one in _places(CLAUSES, [8]).values() if one.line == 7)
    assert (place.ochiai, place.last_line) == (1.0, 9)
    assert place.reasons == ()


LONG = "def f(a):\n    return g(\n" + "        a + 1,\n" * 20 + "    )\n"


def test_the_lines_of_a_long_statement_are_places_too() -> None:
    places = _places(LONG, [2, 3, 9], frame=9)
    assert {2, 3, 9} <= places.keys()
    assert places[2].score > places[9].score > places[3].score
    assert (places[2].last_line, places[9].last_line) == (23, 0)
    assert "traceback" in places[9].reasons
    assert 10 not in places
