"""What is particular to the runner of Go, on real packages in a real sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.runners.base import TestReport
from tests.support.language_case import GO, LanguageCase, Opened, lacks, opened

pytestmark = [
    pytest.mark.skipif(bool(lacks(GO)), reason=lacks(GO)),
    pytest.mark.slow,  # what Go itself brings is compiled first
]

FILES = {
    "go.mod": "module example.com/odd\n\ngo 1.20\n",
    "parts/parts.go": "package parts\n\nfunc At(list []int, i int) int { return list[i] }\n",
    "parts/parts_test.go": """package parts

import (
	"fmt"
	"testing"
)

func TestTable(t *testing.T) {
	for i := 0; i < 4; i++ {
		t.Run(fmt.Sprint("at ", i%3, "|(x"), func(t *testing.T) { At([]int{1, 2}, i%3) })
	}
}

func TestRecovers(t *testing.T) {
	fmt.Println("panic: only a text")
	fmt.Println("PASS")
	fmt.Println("--- PASS: TestFailsLater (0.00s)")
}

func TestFailsLater(t *testing.T) {
	fmt.Println(`{"Action":"pass","Test":"TestFailsLater"}`)
	t.Error("it is \\"odd\\"")
}

func TestParallel(t *testing.T) {
	t.Parallel()
	t.Run("inner", func(t *testing.T) { t.Parallel() })
}

func FuzzSeeds(f *testing.F) {
	f.Add(1)
	f.Fuzz(func(t *testing.T, n int) {
		if n > 0 {
			t.Fatal("a seed")
		}
	})
}

func ExampleAt() {
	fmt.Println(At([]int{7}, 0))
	// Output: 8
}
""",
    "parts/outside_test.go": """package parts_test

import "testing"

func TestOutside(t *testing.T) {}
""",
    "unbuilt/unbuilt.go": "package unbuilt\n\nfunc F() int { return missing }\n",
    "unbuilt/a_test.go": 'package unbuilt\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n',
    "unbuilt/b_test.go": 'package unbuilt\n\nimport "testing"\n\nfunc TestB(t *testing.T) {}\n',
    "vetted/a_test.go": """package vetted

import (
	"fmt"
	"testing"
)

func TestA(t *testing.T) { fmt.Printf("%d", "text") }
""",
    "early/a_test.go": """package early

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { os.Exit(0) }
func TestA(t *testing.T)    {}
""",
    "late/a_test.go": """package late

import (
	"os"
	"testing"
)

func TestMain(m *testing.M) { m.Run(); os.Exit(3) }
func TestA(t *testing.T)    {}
""",
    "deep/go.mod": "module example.com/deep\n\ngo 1.20\n",
    "deep/a_test.go": 'package deep\n\nimport "testing"\n\nfunc TestA(t *testing.T) {}\n',
}
TABLE = "parts/parts_test.go::TestTable"
PANICS = f"{TABLE}/at_2|(x"


@pytest.fixture(scope="module")
def case(
    need_sandbox: Callable[[str], AnySandbox], tmp_path_factory: pytest.TempPathFactory
) -> Opened:
    case = LanguageCase(name="own", files=FILES, ids={}, test_file="", broken_file="")
    scratch: Path = tmp_path_factory.mktemp("go")
    return opened(case, need_sandbox("bubblewrap"), scratch)


@pytest.fixture(scope="module")
def report(case: Opened) -> TestReport:
    return case.run(test_seconds=30.0)


def ends(report: TestReport) -> dict[str, str]:
    return {test_id: result.outcome.value for test_id, result in report.results.items()}


def test_every_test_and_part_of_one_has_its_outcome(report: TestReport) -> None:
    assert ends(report) == {
        TABLE: "failed",
        f"{TABLE}/at_0|(x": "passed",
        f"{TABLE}/at_1|(x": "passed",
        PANICS: "failed",
        f"{TABLE}/at_0|(x#01": "passed",
        "parts/parts_test.go::TestRecovers": "passed",
        "parts/parts_test.go::TestFailsLater": "failed",
        "parts/parts_test.go::TestParallel": "passed",
        "parts/parts_test.go::TestParallel/inner": "passed",
        "parts/parts_test.go::FuzzSeeds": "failed",
        "parts/parts_test.go::FuzzSeeds/seed#0": "failed",
        "parts/parts_test.go::ExampleAt": "failed",
        "parts/outside_test.go::TestOutside": "passed",
        "late/a_test.go::TestA": "passed",
        "deep/a_test.go::TestA": "passed",
    }
    assert report.finished


def test_a_panic_says_where_it_came_from(report: TestReport) -> None:
    result = report.results[PANICS]
    assert result.message == "runtime error: index out of range [2] with length 2"
    assert result.exception == "runtime error"
    assert [(frame.path, frame.line) for frame in result.frames] == [
        ("parts/parts_test.go", 10),
        ("parts/parts.go", 3),
    ]
    assert result.frames[-1].function == "At"


def test_what_fails_in_words_has_its_message(report: TestReport) -> None:
    assert report.results["parts/parts_test.go::TestFailsLater"].message == 'it is "odd"'
    assert report.results["parts/parts_test.go::FuzzSeeds"].message == "FuzzSeeds/seed#0: a seed"
    assert "got: 7 want: 8" in report.results["parts/parts_test.go::ExampleAt"].message


def test_a_package_that_is_not_built_costs_all_of_its_files(report: TestReport) -> None:
    assert set(report.collection_errors) == {
        *("unbuilt/a_test.go", "unbuilt/b_test.go"),
        *("vetted/a_test.go", "late/a_test.go"),
    }
    text = report.collection_errors["unbuilt/b_test.go"]
    assert "unbuilt/unbuilt.go:3:23: undefined: missing" in text
    assert "vetted/a_test.go" in report.collection_errors["vetted/a_test.go"]


def test_a_part_alone_is_run_alone(case: Opened) -> None:
    one = f"{TABLE}/at_0|(x#01"
    assert ends(case.run([one], test_seconds=30.0)) == {one: "passed"}


def test_a_package_that_does_not_run_its_tests_passes_none(case: Opened) -> None:
    report = case.run(["early/a_test.go"], test_seconds=30.0)
    assert not report.results
