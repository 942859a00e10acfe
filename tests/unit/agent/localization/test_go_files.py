"""Where the fault may be in Go: frames, the compiler's places, the package and its imports."""

from __future__ import annotations

from collections.abc import Mapping

from agent.localization.loaded_files import lines_of_failures
from agent.localization.loads import GoLoads
from agent.records import SuspiciousLine
from sandbox.runners.base import Frame, Outcome, TestResult

MODULES = {"": "example.com/ledger", "tools": "example.com/tools"}
FILES = {
    "book/book.go": "package book\n\nfunc Owed() int {\n\treturn 1\n}\n\nfunc Pay() int {\n"
    "\treturn money.Split(1)\n}\n",
    "book/book_test.go": 'package book_test\n\nimport (\n\t"testing"\n\n'
    '\t"example.com/ledger/book"\n)\n\nfunc TestPay(t *testing.T) {\n\tgot := book.Pay()\n'
    '\tif got != 2 {\n\t\tt.Errorf("%d", got)\n\t}\n}\n',
    "money/split.go": "package money\n\nfunc Other() {\n}\n\n"
    "func Split(a int) int {\n\treturn a\n}\n",
    "other/far.go": "package other\n\nfunc Pay() int {\n\treturn 1\n}\n",
}
FILES["book/book.go"] = FILES["book/book.go"].replace(
    "package book\n", 'package book\n\nimport "example.com/ledger/money"\n'
)


def ranked(result: TestResult, files: Mapping[str, str] = FILES) -> tuple[SuspiciousLine, ...]:
    def source(path: str) -> str | None:
        return None if path.endswith("_test.go") else files.get(path)

    return lines_of_failures([result], files.keys(), source, files.get, GoLoads(MODULES))


def failed(*frames: tuple[str, int], details: str = "") -> TestResult:
    return TestResult(
        test_id="book/book_test.go::TestPay",
        outcome=Outcome.FAILED,
        details=details,
        frames=tuple(Frame(path=path, line=line, function="") for path, line in frames),
    )


def test_first_what_the_failing_test_names_then_what_that_calls() -> None:
    lines = ranked(failed(("book/book_test.go", 12)))
    places = [(line.path, line.line) for line in lines]
    assert places[0] == ("book/book.go", 9)
    assert places.index(("money/split.go", 6)) < places.index(("money/split.go", 3))
    assert "other/far.go" not in {path for path, _ in places}


def test_what_a_helper_of_the_tests_calls_is_named_by_them() -> None:
    test = FILES["book/book_test.go"].replace("book.Pay()", "paid()")
    test += "\nfunc paid() int {\n\treturn book.Pay()\n}\n"
    files = {**FILES, "book/book_test.go": test}
    lines = ranked(failed(("book/book_test.go", 12)), files)
    assert (lines[0].path, lines[0].line) == ("book/book.go", 9)
    assert lines[0].score > next(one.score for one in lines if one.line == 5)


def test_what_other_failing_tests_name_counts_less() -> None:
    def source(path: str) -> str | None:
        return None if path.endswith("_test.go") else FILES.get(path)

    def score(*others: TestResult) -> float:
        one = failed(("book/book_test.go", 12))
        loads = GoLoads(MODULES)
        lines = lines_of_failures([one], FILES.keys(), source, FILES.get, loads, others)
        return next(line.score for line in lines if (line.path, line.line) == ("money/split.go", 3))

    other = TestResult(test_id="x_test.go::TestOther", outcome=Outcome.FAILED, message="Other()")
    assert score(other) > score()


def test_the_stack_of_a_panic_comes_first() -> None:
    lines = ranked(failed(("book/book_test.go", 10), ("money/split.go", 7)))
    assert (lines[0].path, lines[0].line) == ("money/split.go", 7)
    assert lines[0].reasons == ("traceback",)


def test_where_nothing_was_built_the_place_that_the_compiler_names() -> None:
    lines = ranked(failed(details="# book\nbook/book.go:10:9: undefined: money\n"))
    assert (lines[0].path, lines[0].line) == ("book/book.go", 10)


def test_imports_lead_to_the_folders_of_modules() -> None:
    loads = GoLoads(MODULES)
    paths = {"tools/x/a.go", "tools/x/a_test.go", "tools/y/b.go", "c/d.go", "c/e.txt"}
    text = 'import (\n\tx "example.com/tools/x"\n\t"fmt"\n)\n'
    assert list(loads("c/c_test.go", text, paths)) == ["c/d.go", "tools/x/a.go"]
