"""Issues that no test shows: from the issue's own example, and by a scripted model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent.records import Status
from agent.runs.result_file import read_evidence
from agent.runs.verification_terms import Terms
from agent.verify import verify
from tests.support.agentic_case import FIX_ADD, STOCK, SUBMIT, TESTS, Workshop, bash, call, turn
from tests.support.endings import FOUND

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is missing")

GREEN = {
    **STOCK,
    "tests/test_shelf.py": """from stock import Shelf
from stock.units import parse_amount


def test_units():
    assert parse_amount("2 kg") == 2000


def test_total():
    shelf = Shelf()
    shelf.add("salt", "500 g")
    shelf.add("flour", "2 kg")
    assert shelf.total() == 2500
""",
}
PAGES = {
    "pages.py": '''"""Split lists."""


def page_count(items, size):
    return len(items) // size
''',
    "test_pages.py": """from pages import page_count


def test_even():
    assert page_count([1, 2, 3, 4], 2) == 2


def test_nothing():
    assert page_count([], 3) == 0
""",
}
ISSUE = """The last page is missing

    >>> page_count([1, 2, 3], 2)
    1

I expected `2`: the rest needs a page, too.
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def shop(tmp_path: Path, cache: Path) -> Workshop:
    return Workshop(tmp_path, cache)


@pytest.mark.slow
def test_the_example_of_an_issue_becomes_the_failing_test(shop: Workshop) -> None:
    """`len(items)` has to become `len(items) + size - 1`, or `-(-len(items) // size)`."""
    done = shop.repair(files=PAGES, issue=ISSUE, max_candidates=1500)
    assert done.result.baseline is not None
    (test,) = done.result.generated_tests
    assert "from pages import page_count" in test.text  # the issue leaves the import out
    assert "assert result == 2" in test.text
    assert test.claims == ("`page_count([1, 2, 3], 2)` gives `2`",)
    assert done.result.baseline.failing == test.test_ids
    assert done.folder.generated(test).read_text() == test.text
    assert done.result.status in FOUND, done.result.reason
    assert done.result.patch is not None
    assert done.result.patch.verdict.fail_to_pass == {test.test_ids[0]: "passed"}
    assert "test_issue" not in done.diff
    sandbox = read_evidence(done.folder.result).sandbox
    terms = Terms(target=done.folder.load_job().target, sandbox=sandbox, its_tests=True)
    again = verify(done.folder.result, terms, shop.settings, lambda _: None).verdict
    assert again.plausible, again.objections
    assert dict(again.fail_to_pass) == {test.test_ids[0]: "passed"}


@pytest.mark.parametrize(
    ("issue", "words"),
    [
        ("Pages are wrong somehow.", "holds no example"),
        ("`page_count([1, 2], 2)` should return 1.", "passes on the unchanged project"),
        ("```python\nassert page_cuont([1], 2) == 1\n```", "NameError"),
        ("```python\nimport random\nassert random.random() > 2\n```", "none of the project's code"),
    ],
)
def test_what_cannot_be_shown_ends_with_the_reason(shop: Workshop, issue: str, words: str) -> None:
    done = shop.repair(files=PAGES, issue=issue)
    assert done.result.status is Status.NOT_REPRODUCED
    assert words in done.result.reason
    assert "add a failing test" in done.result.reason
    assert done.result.generated_tests == ()


TWICE = "Adding the same name twice: shelf.add() forgets the first amount, total() is too small."
RIGHT = """from stock import Shelf


def test_amounts_of_one_name_add_up():
    shelf = Shelf()
    shelf.add("salt", "500 g")
    shelf.add("salt", "1 kg")
    assert shelf.total() == 1500
"""


@pytest.mark.nightly
def test_the_model_writes_the_test_and_then_the_fix(shop: Workshop) -> None:
    first = shop.repair(turn(bash("ls")), files=GREEN, issue=TWICE)
    place = first.states(":reproduce")[0]["messages"][0]["content"]
    path = next(word for word in place.split() if word.startswith("tests/test_issue_"))
    own_error = "def test_it():\n    shelf = Shlef()\n    assert shelf.total() == 0\n"
    no_source = "def test_it():\n    shelf = 1\n    assert shelf == 2\n"
    done = shop.repair(
        turn(SUBMIT),
        turn(call("str_replace_editor", command="create", path=path, file_text=own_error)),
        turn(TESTS),
        turn(SUBMIT),
        turn(bash(f"cat > {path} <<'END'\n{no_source}END\ntouch stock/new.py"), SUBMIT),
        turn(bash(f"cat > {path} <<'END'\n{RIGHT}END"), TESTS, SUBMIT),
        # the fix: the generated test is a test like any other, and out of reach
        turn(bash(f"echo 'def test_amounts_of_one_name_add_up(): pass' > {path}"), SUBMIT),
        turn(FIX_ADD, SUBMIT),
        files=GREEN,
        issue=TWICE,
    )
    assert done.result.status is Status.REPAIRED, done.result.reason
    (test,) = done.result.generated_tests
    assert test.text == RIGHT
    assert (test.path, test.author) == (path, "the model")
    told = done.answers(of=":reproduce")
    assert f"holds no test file {path}" in told[0]
    assert "0 of 1 tests pass" in told[2]
    assert "NameError" in told[3]
    assert "runs no line of the project's source" in told[5]
    assert "stock/new.py: only" in told[5]
    assert f"{path}: it is a test, and tests are the measure" in done.answers()[0]
    assert done.diff.count("+++") == 1
    assert done.result.patch is not None
    assert done.result.patch.verdict.fail_to_pass == {test.test_ids[0]: "passed"}


def test_a_model_that_shows_nothing_ends_as_not_reproduced(shop: Workshop) -> None:
    done = shop.repair(turn(bash("ls")), turn(SUBMIT), files=GREEN, issue=TWICE)
    assert done.result.status is Status.NOT_REPRODUCED
    assert "the model wrote no test" in done.result.reason


@pytest.mark.nightly
def test_an_issue_is_reproduced_whatever_else_fails(shop: Workshop) -> None:
    """Another bug, which no issue is about, stays as it is."""
    other = "def first(items):\n    return items[1]\n"
    other_test = "from other import first\n\n\ndef test_first():\n    assert first([1, 2]) == 1\n"
    files = {**PAGES, "other.py": other, "test_other.py": other_test}
    done = shop.repair(files=files, issue=ISSUE, max_candidates=1500, max_seconds=400.0)
    assert done.result.status in FOUND, done.result.reason
    (test,) = done.result.generated_tests
    assert done.result.baseline is not None
    assert done.result.baseline.failing == test.test_ids
    ((name, why),) = done.result.baseline.set_aside.items()
    assert name == "test_other.py::test_first"
    assert "it fails too, and is not what the issue is about" in why
    assert "other.py" not in done.diff
