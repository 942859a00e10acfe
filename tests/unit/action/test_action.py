"""The GitHub Action: its description, and its scripts with a stand-in for `repair`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

TOP = Path(__file__).parents[3]
ACTION: dict[str, Any] = yaml.safe_load((TOP / "action.yml").read_text())
STEPS: list[dict[str, Any]] = ACTION["runs"]["steps"]


def _program(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_no_input_is_program_text() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", "")


def test_nothing_gets_a_token_and_nothing_starts_in_the_workspace() -> None:
    assert "token" not in (TOP / "action.yml").read_text().lower()
    for step in STEPS:
        if "run" in step:
            assert step["working-directory"] == "${{ runner.temp }}"
        else:
            assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", step["uses"])  # a tag can be moved


def test_every_variable_of_the_script_is_given() -> None:
    (step,) = [step for step in STEPS if "repair.sh" in step.get("run", "")]
    text = (TOP / "action" / "repair.sh").read_text()
    for variable in re.findall(r"\$\{?((?:INPUT|REPAIR)_\w+)", text):
        assert variable in step["env"]


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "temp").mkdir()
    (tmp_path / "work").mkdir()
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_WORKSPACE": str(tmp_path / "work"),
        "GITHUB_REPOSITORY": "owner/name",
        "GITHUB_JOB": "repair",
        "GITHUB_TOKEN": "secret",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
        "PYTHONPATH": str(tmp_path / "work"),
        "INPUT_PATH": ".",
        "INPUT_MAX_SECONDS": "60",
    }


def _python(tmp_path: Path, code: int, document: str, patch: str = "diff") -> Path:
    """Python with a stand-in for `repair`."""
    return _program(
        tmp_path / "bin" / "python",
        f'[ "$2" = -c ] && exec {sys.executable} "$@"\n'
        f'echo "$@" >>{tmp_path}/words\npwd >>{tmp_path}/folders\nenv >{tmp_path}/env\n'
        'if [ "$4" = show ]; then echo "Repaired: x"; exit 0; fi\n'
        'echo "::error::of the target" >&2\n'
        f'while [ $# -gt 0 ]; do [ "$1" = --output ] && printf "{patch}" >"$2"; shift; done\n'
        f"echo '{document}'\nexit {code}\n",
    )


def _run(text: str, variables: dict[str, str], folder: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _run_repair(variables: dict[str, str], program: Path) -> subprocess.CompletedProcess[str]:
    own = {"REPAIR_PYTHON": str(program)}
    script = f"bash {TOP}/action/repair.sh"
    return _run(script, {**variables, **own}, variables["RUNNER_TEMP"])


def _outputs(tmp_path: Path) -> dict[str, str]:
    """What the last use of the action told; later lines win, as for the runner."""
    lines = (tmp_path / "output").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize(
    ("code", "document", "status", "ends"),
    [
        (0, '{"result": {"status": "repaired"}}', "repaired", 0),
        (1, '{"result": {"status": "not_repaired"}}', "not_repaired", 0),
        (3, '{"status": "failed", "exit_code": 3}', "failed", 3),
        (3, '{"status": "x\\nexit-code=0"}', "failed", 3),
        (3, "", "failed", 3),
    ],
)
def test_how_a_repair_ends(
    code: int, document: str, status: str, ends: int, tmp_path: Path, variables: dict[str, str]
) -> None:
    variables["INPUT_ARGUMENTS"] = "--only\ntests/a b.py::t\n"
    done = _run_repair(variables, _python(tmp_path, code, document))
    assert done.returncode == ends, done.stdout
    output = _outputs(tmp_path)
    assert output["status"] == status
    assert output["exit-code"] == str(code)
    words = (tmp_path / "words").read_text()
    root = variables["GITHUB_WORKSPACE"]
    assert f"-I -m cli.main ./. --only tests/a b.py::t --root {root} --max-seconds 60" in words
    # The repository's folder is for the repair alone, which imports nothing from there.
    assert (tmp_path / "folders").read_text().split() == [
        variables["GITHUB_WORKSPACE"],
        variables["RUNNER_TEMP"],
    ]
    seen = (tmp_path / "env").read_text()
    assert "secret" not in seen
    assert "PYTHONPATH" not in seen
    assert "    Repaired: x" in (tmp_path / "summary").read_text()


def test_what_the_target_says_is_no_command_to_the_runner(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    tokens = []
    for _ in range(2):
        done = _run_repair(variables, _python(tmp_path, 0, "{}"))
        stop, *told, start = done.stdout.splitlines()  # one stream: two would have no order
        assert done.stderr == ""
        assert told == ["::error::of the target"]
        tokens.append(stop.removeprefix("::stop-commands::"))
        assert start == f"::{tokens[-1]}::"
        assert tokens[-1] not in (tmp_path / "env").read_text()
    assert re.fullmatch("[0-9a-f]{48}", tokens[0])
    assert tokens[0] != tokens[1]


def test_a_patch_is_of_this_use_and_of_a_verdict(tmp_path: Path, variables: dict[str, str]) -> None:
    told = []
    for code, status, patch in (
        (0, "repaired", "one"),
        (1, "not_repaired", ""),
        (5, "plausible", "two"),
        (1, "budget_exhausted", "three"),
    ):
        document = f'{{"result": {{"status": "{status}"}}}}'
        _run_repair(variables, _python(tmp_path, code, document, patch))
        told.append(_outputs(tmp_path))
    assert [bool(output["patch"]) for output in told] == [True, False, True, False]
    assert Path(told[2]["patch"]).read_text() == "two"
    assert not (Path(told[3]["folder"]) / "patch.diff").exists()
    for name in ("folder", "artifact"):
        assert len({output[name] for output in told}) == 4
    assert re.fullmatch(r"repair-[\w-]+", told[0]["artifact"])


@pytest.mark.parametrize("path", ["doctor", "--version"])
def test_a_folder_is_neither_a_command_nor_an_option(
    path: str, tmp_path: Path, variables: dict[str, str]
) -> None:
    variables["INPUT_PATH"] = path
    _run_repair(variables, _python(tmp_path, 0, "{}"))
    assert f"cli.main ./{path} --root" in (tmp_path / "words").read_text()


def test_a_folder_that_leads_out_of_the_workspace_is_refused(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """By `repair` itself: a link of the repository to what lies beside it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.py").write_text("key = 1\n")
    (Path(variables["GITHUB_WORKSPACE"]) / "sub").symlink_to(outside)
    for path in ("sub", str(outside), "../outside"):
        command = f"sys.path.insert(0, {str(TOP)!r}); from cli.main import main; sys.exit(main())"
        program = _program(
            tmp_path / "bin" / "real",
            f'shift 3; exec {sys.executable} -c "import sys; {command}" "$@"\n',
        )
        _run_repair({**variables, "INPUT_PATH": path}, program)
        (result,) = (Path(_outputs(tmp_path)["folder"])).glob("result.json")
        assert "is not below" in result.read_text()
        assert _outputs(tmp_path)["exit-code"] == "2"


@pytest.mark.parametrize(
    ("event", "ends"),
    [
        ("push", 0),
        ("pull_request", 0),
        ("pull_request_target", 2),
        ("workflow_run", 2),
        ("issue_comment", 2),
        ("", 2),
    ],
)
def test_events_with_rights_are_refused_first(
    event: str, ends: int, variables: dict[str, str]
) -> None:
    done = _run(STEPS[0]["run"], {**variables, "EVENT": event}, variables["RUNNER_TEMP"])
    assert done.returncode == ends


def test_no_module_of_the_repository_runs_while_installing(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    """Even where the step starts in the workspace, which `working-directory` forbids besides."""
    work = variables["GITHUB_WORKSPACE"]
    for name in ("venv", "pip", "logging", "ensurepip"):
        (Path(work) / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a')\n")
    # As Python itself, of which the modules asked for are imported and do no more.
    python = _program(
        tmp_path / "bin" / "python3",
        "options=\n"
        'while [ "$1" != -m ]; do options="$options $1"; shift; done\n'
        f'{sys.executable} $options -c "import $2, logging" || exit\n'
        'if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi\n'
        f'echo "$@" >>{tmp_path}/words\n',
    )
    (install,) = [step for step in STEPS if step.get("id") == "install"]
    own = {"PATH": f"{python.parent}:{variables['PATH']}", "ACTION_PATH": str(TOP)}
    done = _run(install["run"], {**variables, **own}, work)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "words").read_text().splitlines()) == 3
    assert not (tmp_path / "ran").exists()
    assert Path(_outputs(tmp_path)["python"]).exists()


def test_the_hook_stops_a_push_while_tests_fail() -> None:
    (hook,) = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text())
    assert hook["entry"] == "python -I -m cli.main"  # pre-commit starts it in the repository
    assert (
        "--apply-repaired" in hook["args"]
    )  # a changed file is what stops a hook that ended with 0
    assert hook["stages"] == ["pre-push", "manual"]
    assert not hook["pass_filenames"]
