"""Processes kept alive together, and taken along when their supervisor dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from workers.host.service import _workers
from workers.host.supervisor import module

SECONDS = 60.0
PROGRAM = """
import signal, sys, threading
from workers.host.supervisor import ServiceProcess, supervise
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
shell = 'echo $$ >> {folder}/$0; exec sleep 600'
parts = [ServiceProcess(name=name, argv=("sh", "-c", shell, name)) for name in ("first", "second")]
supervise(parts, stop.is_set)
"""

LOGGING_PROGRAM = """
import json, logging, signal, sys, threading
from pathlib import Path
from workers.host.supervisor import ServiceProcess, supervise
logging.basicConfig(level="WARNING", format="%(message)s")
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
error = json.dumps({{"level": "error", "event": "it broke \\x1b[1m", "logger": "x"}})
shell = 'echo a banner; echo a warning >&2; printf "%s\\n" "$0"; exec sleep 600'
short = 'echo earlier; echo "ValueError: no" >&2; {ending}'
parts = [
    ServiceProcess(name="long", argv=("sh", "-c", shell, error)),
    ServiceProcess(name="short", argv=("sh", "-c", short)),
]
supervise(parts, stop.is_set, Path({folder!r}))
"""


def wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def pids(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def supervisor(tmp_path: Path) -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", PROGRAM.format(folder=tmp_path)]
    process = subprocess.Popen(argv)
    wait(lambda: bool(pids(tmp_path / "first") and pids(tmp_path / "second")))
    return process


def test_what_ends_is_started_again_and_all_end_together(
    supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    os.kill(pids(tmp_path / "first")[0], signal.SIGKILL)
    wait(lambda: len(pids(tmp_path / "first")) == 2)
    assert len(pids(tmp_path / "second")) == 1
    supervisor.terminate()
    assert supervisor.wait(SECONDS) == 0
    assert not any(alive(pid) for name in ("first", "second") for pid in pids(tmp_path / name))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has PR_SET_PDEATHSIG")
def test_a_killed_supervisor_leaves_nothing_behind(
    supervisor: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    children = [*pids(tmp_path / "first"), *pids(tmp_path / "second")]
    assert [alive(pid) for pid in children] == [True, True]
    supervisor.kill()
    supervisor.wait()
    wait(lambda: not any(alive(pid) for pid in children))
    assert [*pids(tmp_path / "first"), *pids(tmp_path / "second")] == children, "none was restarted"


def test_what_parts_write_is_in_their_logs_and_errors_are_told(tmp_path: Path) -> None:
    told, logs = tmp_path / "told", tmp_path / "logs"
    logs.mkdir()
    program = LOGGING_PROGRAM.format(folder=str(logs), ending="exec sleep 600")
    with told.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=stream, stderr=stream)
    wait(lambda: "it broke" in told.read_text())
    wait(lambda: "ValueError" in (logs / "short.log").read_text())
    process.terminate()
    assert process.wait(SECONDS) == 0
    written = (logs / "long.log").read_text()
    assert written.startswith("a banner\na warning\n{")
    assert told.read_text() == "long: it broke \\x1b[1m\n"
    assert (logs / "long.log").stat().st_mode & 0o077 == 0


def test_what_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    told = tmp_path / "told"
    program = LOGGING_PROGRAM.format(folder=str(tmp_path), ending="exit 3")
    with told.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=stream, stderr=stream)
    wait(lambda: "short ended" in told.read_text())
    process.terminate()
    assert process.wait(SECONDS) == 0
    assert (
        "short ended (exit code 3), after 'ValueError: no'; starting it again" in told.read_text()
    )


def test_workers_get_no_secret_of_a_forge(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB", "GITLAB", "GITEA"):
        monkeypatch.setenv(f"REPAIR_{name}_TOKEN", "secret")
    monkeypatch.setenv("REPAIR_CACHE_DIR", "/somewhere")
    parts = _workers(1, ("interactive",), {"REPAIR_REDIS_URL": "redis://"})
    assert {part.name for part in parts} == {"sweeper", "worker"}
    for part in parts:
        variables = part.variables()
        assert "secret" not in variables.values()
        assert variables["REPAIR_CACHE_DIR"] == "/somewhere"
        assert variables["REPAIR_REDIS_URL"] == "redis://"
    assert "secret" in module("web", "workers.web").variables().values()
