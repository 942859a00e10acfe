"""`repair` as its users run it: a real process, the example, a real sandbox."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.config import Settings
from sandbox.engines.choose import choose
from sandbox.errors import SandboxError
from tests.support.endings import FOUND, FOUND_CODES

EXAMPLE = Path(__file__).parents[2] / "examples" / "ledger"
COMMAND = [sys.executable, "-m", "cli.main"]
FIX = "+    return [share + 1 if position < left else share for position in range(people)]"
TIMEOUT_SECONDS = 240
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> None:
    try:
        choose("auto", Settings().build_settings())
    except SandboxError as error:
        pytest.skip(f"no sandbox works here: {error}")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Environments are built once for all tests here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def variables(tmp_path: Path, cache: Path) -> dict[str, str]:
    own = {"REPAIR_STATE_DIR": str(tmp_path / "state"), "REPAIR_CACHE_DIR": str(cache)}
    return {**os.environ, **own, "NO_COLOR": "1", "PYTHONPATH": str(EXAMPLE.parents[1])}


@pytest.fixture
def repair(variables: dict[str, str], tmp_path: Path) -> Run:
    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, words)],
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )

    return run


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return shutil.copytree(EXAMPLE, tmp_path / "ledger", ignore=shutil.ignore_patterns("__py*"))


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@localhost")
    argv = ["git", "-C", str(folder), *identity, *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_the_example_is_repaired_and_applied(repair: Run, ledger: Path) -> None:
    done = repair(ledger, "--apply")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert FIX in done.stdout
    assert "tests/test_money.py::test_split_with_odd_cents" in done.stdout
    assert "still pass  19 tests that passed before" in done.stdout
    assert done.stdout.count(" propose ...") == 1
    assert "\x1b" not in done.stdout
    assert FIX[1:] in (ledger / "src" / "ledger" / "money.py").read_text()
    again = repair(ledger)
    assert again.returncode == 0
    assert "Nothing to fix" in again.stdout
    shown = repair("show", "--json")
    assert json.loads(shown.stdout)["result"]["status"] == "nothing_to_fix"
    assert repair("list").stdout.count("/ledger ") == 2


@pytest.mark.slow
def test_json_output_and_branch(repair: Run, ledger: Path, tmp_path: Path) -> None:
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "base"]):
        git(ledger, *words)
    done = repair(ledger, "--json", "--output", tmp_path / "fix.diff", "--branch", "fix")
    assert done.returncode in FOUND_CODES, done.stderr
    assert json.loads(done.stdout)["result"]["status"] in FOUND
    assert done.stderr == ""
    assert git(ledger, "diff", "HEAD", "fix").count("\n+ ") == 1
    assert git(ledger, "status", "--porcelain") == ""
    git(ledger, "apply", "--check", str(tmp_path / "fix.diff"))


@pytest.mark.nightly
def test_what_no_patch_can_mend_does_not_stand_in_the_way(repair: Run, ledger: Path) -> None:
    moved_on = "import json\n\n\ndef test_moved_on():\n    json.JSONDecoder().gone()\n"
    (ledger / "tests" / "test_library.py").write_text(moved_on)
    done = repair(ledger)
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert FIX in done.stdout
    why = "it ends before it runs any code of the project (AttributeError: 'JSONDecoder'"
    assert f"set aside  tests/test_library.py::test_moved_on: {why}" in done.stdout
    shown = json.loads(repair("show", "--json").stdout)["result"]
    assert len(shown["baseline"]["failing"]) == 4
    asked = repair(ledger, "--only", "tests/test_library.py", "--max-seconds", "5")
    assert asked.returncode == 1, "a test that was named is never set aside"


@pytest.mark.nightly
def test_localize_and_go_on(repair: Run, ledger: Path) -> None:
    done = repair("localize", ledger, "--top", "5")
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert "src/ledger/money.py:33" in done.stdout
    assert "return [share + 1 if position <= left" in done.stdout
    run = re.findall(r"repair resume (\S+)`", done.stderr)[0]
    resumed = repair("resume", run)
    assert resumed.returncode in FOUND_CODES, resumed.stdout + resumed.stderr
    assert FIX in resumed.stdout
    assert "baseline" not in resumed.stdout


@pytest.mark.nightly
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_soon_and_is_resumed(
    repair: Run, ledger: Path, variables: dict[str, str], number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [*COMMAND, str(ledger)],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "localize ..." in line:
            break
    started = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert process.returncode == 130, out + err
    assert time.monotonic() - started < 10
    assert "Traceback" not in out + err
    run = re.findall(r"repair resume (\S+)`", out + err)[0]
    assert _session_is_empty(process.pid)
    resumed = repair("resume", run)
    assert resumed.returncode in FOUND_CODES, resumed.stdout + resumed.stderr
    assert FIX in resumed.stdout


@pytest.mark.nightly
def test_a_terminal_sees_the_display_and_gets_its_cursor_back(
    ledger: Path, variables: dict[str, str]
) -> None:
    variables = {**variables, "TERM": "xterm", "COLUMNS": "60", "LINES": "30"}
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, str(ledger)], env=variables, stdout=follower, stderr=follower
    )
    os.close(follower)
    output = b"".join(_read(leader)).decode()
    assert process.wait(timeout=10) in FOUND_CODES, output
    assert "19 green" in output
    assert "suspects" in output
    assert output.rindex("\x1b[?25h") > output.rindex("\x1b[?25l")
    assert FIX in output.replace("\r\n", "\n")
    longest = max(len(row) for row in re.sub(r"\x1b\[[0-9;?]*\w", "\n", output).split("\n"))
    assert longest < 300  # the command that applies the patch names two long folders


@pytest.mark.parametrize(
    ("files", "code", "sentence"),
    [
        ({}, 2, "empty"),
        ({"README": "no code\n"}, 2, "no tests"),
    ],
)
def test_a_folder_that_cannot_be_repaired(
    repair: Run, tmp_path: Path, files: dict[str, str], code: int, sentence: str
) -> None:
    target = tmp_path / "target"
    target.mkdir()
    for name, text in files.items():
        (target / name).write_text(text)
    done = repair(target)
    assert done.returncode == code, done.stdout + done.stderr
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def _session_is_empty(session: int) -> bool:
    """Whether no process of this session is left, after at most five seconds."""
    for _ in range(50):
        left = subprocess.run(["ps", "-o", "pid=", "-s", str(session)], capture_output=True).stdout
        if not left.strip():
            return True
        time.sleep(0.1)
    return False


def _read(leader: int) -> Iterator[bytes]:
    while True:
        ready, _, _ = select.select([leader], [], [], TIMEOUT_SECONDS)
        try:
            data = os.read(leader, 65536) if ready else b""
        except OSError:  # the last writer closed the terminal
            data = b""
        if not data:
            os.close(leader)
            return
        yield data
