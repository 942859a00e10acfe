"""A repository of several packages is repaired from its top."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import BUG, TEST, Project, Repair
from tests.support.endings import FOUND_CODES

DESCRIBED = '[project]\nname = "repair-test-{}"\nversion = "1"\ndependencies = [{}]\n'


@pytest.mark.nightly
def test_a_bug_in_one_of_two_packages_whose_test_files_have_equal_names(
    run_repair: Repair, project: Project
) -> None:
    """Baseline, coverage, evaluator and verdict import the tests by their path."""
    folder = project(
        {
            "libs/one/pyproject.toml": DESCRIBED.format("one", ""),
            "libs/one/src/one.py": "def ten():\n    return 10\n",
            "libs/one/tests/test_it.py": "import one\n\n\ndef test_ten(): assert one.ten() == 10\n",
            "libs/two/pyproject.toml": DESCRIBED.format("two", '"repair-test-one"'),
            "libs/two/src/calc.py": "import one\n\n\n" + BUG,
            "libs/two/tests/test_it.py": TEST,
        }
    )
    done = run_repair(folder, "--json")
    if "no package index can be reached" in done.stdout + done.stderr:
        pytest.skip("needs a package index")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    result = json.loads(done.stdout)["result"]
    assert "libs/two/src/calc.py" in result["patch"]["diff"]
    assert len(result["patch"]["verdict"]["fail_to_pass"]) == 2
    assert "libs/one/tests/test_it.py::test_ten" in result["baseline"]["passing"]
