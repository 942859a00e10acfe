"""Running tests by ourselves, patches, rankings, journals: the small parts the figures rest on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import localization, quixbugs, real_bugs
from benchmarks.mutants import mutants
from benchmarks.quixbugs_cases import NAMES, Case
from benchmarks.reporting import Journal, table
from benchmarks.suite import apply_patch, junit_name, run_suite, unified_diff
from sandbox.source import apply_edits


def test_outcomes_are_read_by_the_name_of_each_test(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_it.py").write_text(
        "import pytest\n"
        "class TestIt:\n"
        "    @pytest.mark.parametrize('text', ['a::b', 'c'])\n"
        "    def test_one(self, text): assert text == 'c'\n"
        "def test_two(): pytest.skip('no')\n"
    )
    run = run_suite(tmp_path, python=sys.executable, timeout_seconds=60)
    assert run.exit_code == 1
    first = junit_name("tests/test_it.py::TestIt::test_one[a::b]")
    assert run.outcomes[first] == "failed"
    assert run.passed == {junit_name("tests/test_it.py::TestIt::test_one[c]")}
    assert run.outcomes[junit_name("tests/test_it.py::test_two")] == "skipped"


def test_a_suite_that_hangs_is_ended(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it():\n    while True: pass\n")
    run = run_suite(tmp_path, python=sys.executable, timeout_seconds=4)
    assert run.exit_code is None
    assert not run.passed


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a = 1\nb = 2\n", b"a = 1\nb = 3\n"),
        (b"a = 1\r\nb = 2\r\n", b"a = 1\r\nb = 3\r\n"),
        (b"a = 1\nb = 2", b"a = 1\nb = 3"),
    ],
)
def test_a_patch_gives_exactly_the_new_file(tmp_path: Path, before: bytes, after: bytes) -> None:
    (tmp_path / "mod.py").write_bytes(before)
    assert apply_patch(tmp_path, unified_diff(before, after, "mod.py")) == ""
    assert (tmp_path / "mod.py").read_bytes() == after


def test_a_patch_that_does_not_fit_says_so(tmp_path: Path) -> None:
    (tmp_path / "mod.py").write_text("other\n")
    assert "does not apply" in apply_patch(tmp_path, unified_diff(b"a\n", b"b\n", "mod.py"))


def test_an_exported_program_comes_without_its_correct_version(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for path, text in {
        "conftest.py": "",
        "python_programs/gcd.py": "def gcd(a, b): return a\n",
        "correct_python_programs/gcd.py": "secret\n",
        "python_testcases/test_gcd.py": "from load_testdata import load_json_testcases\n",
        "python_testcases/test_sqrt.py": "",
        "python_testcases/load_testdata.py": "",
        "json_testcases/gcd.json": "[[1, 1], 1]\n",
    }.items():
        (checkout / path).parent.mkdir(parents=True, exist_ok=True)
        (checkout / path).write_text(text)
    case = Case(checkout, "gcd").export(tmp_path / "case")
    found = {path.relative_to(case).as_posix() for path in case.rglob("*") if path.is_file()}
    assert found == {
        "conftest.py",
        "python_programs/gcd.py",
        "python_testcases/test_gcd.py",
        "python_testcases/load_testdata.py",
        "json_testcases/gcd.json",
    }
    assert len(NAMES) == 40


def test_a_journal_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "run.jsonl")
    assert list(journal.open({"limit": 1}, fresh=False)) == []
    journal.append({"name": "gcd"})
    with journal.path.open("a") as file:
        file.write('{"name": "cut')
    assert list(journal.open({"limit": 1}, fresh=False)) == [{"name": "gcd"}]
    with pytest.raises(SystemExit, match="--fresh"):
        journal.open({"limit": 2}, fresh=False)
    assert list(journal.open({"limit": 2}, fresh=True)) == []


def test_ties_share_the_mean_of_their_places() -> None:
    scores = {("a", 1): 0.9, ("a", 2): 0.5, ("a", 3): 0.5, ("a", 4): 0.1}
    assert localization.rank(scores, {("a", 1)}) == 1
    assert localization.rank(scores, {("a", 3)}) == 2.5
    assert localization.rank(scores, {("a", 4), ("a", 2)}) == 2.5
    assert localization.rank(scores, {("b", 1)}) is None


def test_the_line_of_a_fix_is_what_it_changes_or_stands_beside() -> None:
    base = b"a\nb\n\nc\n"
    assert localization.changed_lines(base, b"a\nB\n\nc\n") == {2}
    assert localization.changed_lines(base, b"a\nnew\nb\n\nc\n") == {1, 2}
    assert localization.changed_lines(base, b"a\nb\n\nnew\nc\n") == {4}
    reworded = localization.changed_lines(b"# old\na\nb\n", b"# new\na\nmore\nb\n")
    assert reworded == {2, 3}, "a comment's new words are not the fault"


EQUAL = {"equivalence": "equal"}


def test_figures_do_not_count_what_was_only_claimed() -> None:
    claimed = {"name": "gcd", "status": "repaired", "outcome": "failed", "seconds": 2.0}
    overfit = {**claimed, "tests_pass": 1.0, "identical": 0.0}
    counted = quixbugs.figures([claimed, overfit, {**overfit, "outcome": "solved"}])
    assert (counted["programs"], counted["plausible"], counted["correct"]) == (3, 2, 1)
    assert counted["claimed_but_not_plausible"] == 1
    silent = {**overfit, "outcome": "not_replayable"}
    real = real_bugs.figures([claimed, silent, {**claimed, "outcome": "solved", **EQUAL}])
    assert (real["bugs"], real["not_replayable"], real["plausible"]) == (3, 1, 1)
    assert (real["equal_percent"], real["claimed_but_not_plausible"]) == (50.0, 1)


def test_a_check_of_the_judgement_names_what_it_judges_wrong() -> None:
    right = [{"name": name, "outcome": "solved"} for name in "abc"]
    shown = {"outcome": "failed", "tests_pass": 0.0, "unseen_inputs": 9.0, "unseen_differing": 1.0}
    wrong = [{"name": name, **shown} for name in "abc"]
    assert quixbugs.misjudged(right, wrong) == []
    right[0]["outcome"] = "failed"
    wrong[1]["unseen_differing"] = 0.0
    wrong[2]["tests_pass"] = 1.0
    assert quixbugs.misjudged(right, wrong) == ["a", "b", "c"]


def test_touched_files_are_those_a_patch_names() -> None:
    diff = unified_diff(b"a\n", b"b\n", "pack/mod.py")
    assert real_bugs.touched(diff) == ["pack/mod.py"]


def test_every_mutant_compiles_and_differs() -> None:
    text = "def f(a, b):\n    # naïve\n    return a < b and a + 1\n"
    found = mutants("mod.py", text)
    texts = {apply_edits(text, [edit]) for edit in found}
    assert len(texts) == len(found) > 10
    assert text not in texts
    assert "def f(a, b):\n    # naïve\n    return a <= b and a + 1\n" in texts
    for changed in texts:
        compile(changed, "mod.py", "exec")
    assert len(mutants("mod.py", text, most=5)) <= 5


def test_a_table_is_markdown() -> None:
    lines = table(("name", "n"), [("gcd", 1), ("sieve", None)]).splitlines()
    assert lines[0] == "| name  | n |"
    assert {len(line) for line in lines} == {len(lines[0])}
