"""Programs of the host, started from a folder that brings its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.host import programs

TOP = Path(__file__).parents[4]
SNEAKY = {
    "agent": "import subprocess\n",
    "cli": "from subprocess import run\n",
    "workers": 'import os\n\nos.system("true")\n',
    "sandbox": "import os\n\nos.execvp('true', ['true'])\n",
    "agent/model": "import asyncio\n\nasyncio.create_subprocess_exec('true')\n",
    "cli/commands": "import shutil\n\nshutil.which('git')\n",
}


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder holds a program and modules that leave a mark."""
    folder = tmp_path / "repository"
    folder.mkdir()
    program = folder / "planted"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    (folder / "json.py").write_text("print('ran')\n")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("entry", ["", ".", "./", "sub/..", "{folder}", "{folder}/../repository"])
def test_the_current_folder_is_no_place_to_look_for_programs(
    planted: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    path = f"{entry.format(folder=planted)}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    assert programs.search_path() == "/usr/bin:/bin"
    assert programs.program("planted") is None
    assert programs.program("sh") in ("/usr/bin/sh", "/bin/sh")
    for name in ("planted", "./planted"):
        with pytest.raises(programs.ProgramMissing, match="no program"):
            programs.run([name], timeout_seconds=10)


def test_a_path_of_nothing_else_is_the_usual_one(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", ".")
    assert programs.search_path() == os.defpath
    assert programs.run(["true"], timeout_seconds=10).returncode == 0


def test_python_imports_nothing_of_the_current_folder(
    planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(planted))
    words = ("-c", "import json, os; print(json.dumps(os.getcwd()))")
    done = programs.run(programs.python(*words), timeout_seconds=30)
    assert done.stdout == b'"/"\n'


def test_the_process_itself_is_shielded(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", ":/usr/bin:/bin")
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    programs.shield()
    assert os.environ["PATH"] == "/usr/bin:/bin"
    assert "LANGSMITH_TRACING" not in os.environ


def test_a_program_that_says_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MAX_OUTPUT_BYTES", 1 << 20)
    with pytest.raises(programs.SaidTooMuch, match="1 MiB"):
        programs.run(["yes"], timeout_seconds=60)


def test_a_program_that_takes_too_long_is_ended() -> None:
    with pytest.raises(programs.TookTooLong):
        programs.run(["sleep", "60"], timeout_seconds=0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits another process")
def test_a_program_that_takes_too_much_memory_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "MAX_MEMORY_BYTES", 200 * 1024**2)
    endless = "while True: bytearray(400 * 1024**2)"
    done = programs.run(programs.python("-c", endless), timeout_seconds=60)
    assert done.returncode == 1
    assert b"MemoryError" in done.stderr


@pytest.mark.parametrize("room", SNEAKY)
def test_lint_finds_a_program_that_is_started_elsewhere(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--stdin-filename", f"{room}/new.py", "-"],
        input=SNEAKY[room],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "TID251" in done.stdout
