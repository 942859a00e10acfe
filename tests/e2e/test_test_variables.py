"""Variables of the tests: read from the project, given by the user, named where one is missing."""

from __future__ import annotations

import json

import pytest

from tests.e2e.conftest import BUG, TEST, Project, Repair
from tests.support.endings import FOUND, FOUND_CODES

SETTINGS = "import os\n\nMODE = os.environ['APP_MODE']\nFOLDER = os.environ.get('APP_FOLDER', '')\n"
NEEDS = """import os

import settings


def test_mode():
    assert settings.MODE == "testing"
    assert settings.FOLDER in ("", os.path.join(os.getcwd(), "data"))
"""
FILES = {"calc.py": BUG, "test_calc.py": "import settings\n" + TEST, "settings.py": SETTINGS}
FILES = {**FILES, "test_settings.py": NEEDS}
TOX = "[testenv]\nsetenv =\n  APP_MODE = testing\n  APP_FOLDER = {toxinidir}/data\n"


@pytest.mark.nightly
def test_a_project_is_repaired_with_the_variables_that_its_tox_sets(
    run_repair: Repair, project: Project
) -> None:
    """They reach the baseline, the evaluator and the verdict: the tests fail without them."""
    done = run_repair(project({**FILES, "tox.ini": TOX}), "--json")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["result"]["status"] in FOUND
    assert "test_settings.py::test_mode" in result["result"]["baseline"]["passing"]
    assert result["evidence"]["env"] == []


def test_where_one_is_missing_it_is_named_and_nothing_is_searched_for(
    run_repair: Repair, project: Project
) -> None:
    done = run_repair(project(FILES))
    assert done.returncode == 3
    words = " ".join(done.stdout.split())
    assert "the environment variable `APP_MODE`" in words
    assert "--env APP_MODE=VALUE" in words


@pytest.mark.nightly
def test_the_user_gives_them_and_a_verification_asks_for_them(
    run_repair: Repair, project: Project
) -> None:
    folder = project({**FILES, "tox.ini": TOX.replace("testing", "wrong")})
    done = run_repair(folder, "--env", "APP_MODE=testing", "--env=TOKEN=secret=1", "--json")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert "secret=1" not in done.stdout
    file = folder.parent / "result.json"
    file.write_text(done.stdout)
    assert json.loads(done.stdout)["evidence"]["env"] == ["APP_MODE", "TOKEN"]
    refused = run_repair("verify", file, folder)
    assert refused.returncode == 2
    assert "APP_MODE, TOKEN" in refused.stderr
    assert run_repair("verify", file, folder, "--env", "APP_MODE=testing").returncode in FOUND_CODES
    without = run_repair("verify", file, folder, "--env", "")
    assert (
        without.returncode in FOUND_CODES
    )  # test_settings fails before and after: it guards nothing


def test_what_would_steer_the_sandbox_is_refused(run_repair: Repair, project: Project) -> None:
    folder = project(FILES)
    for word in ("PATH=/x", "LD_PRELOAD=x", "PYTHONSTARTUP=x", "A", "1A=2", ""):
        done = run_repair(folder, "--env", word)
        assert done.returncode == 2, word
        assert "--env" in done.stderr
