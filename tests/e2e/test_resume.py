"""A run that was killed goes on where it was; nothing is left, done twice or believed blindly."""

from __future__ import annotations

import json
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import ormsgpack
import pytest

from sandbox.isolation.cgroup import group_parents
from tests.e2e.conftest import BUG, COMMAND, TEST, Project, Repair
from tests.support.endings import FOUND_CODES, FOUND_WORDS

SANDBOX = ("--sandbox", "bubblewrap")


class Killed:
    """A run that was ended in the middle."""

    def __init__(self, target: Path, surroundings: dict[str, str], state: Path) -> None:
        self._state = state
        self.process = subprocess.Popen(
            [*COMMAND, str(target), *SANDBOX, "--verbose"],
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, words: str) -> None:
        assert self.process.stdout is not None
        seen = []
        for line in self.process.stdout:
            seen.append(line)
            if words in line:
                return
        raise AssertionError("".join(seen))

    def end(self, number: signal.Signals) -> str:
        """Send the signal; returns what the process still said."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=60)[0]

    @property
    def folder(self) -> Path:
        (folder,) = (self._state / "runs").iterdir()
        return folder


@pytest.fixture
def killed(surroundings: dict[str, str], project: Project, tmp_path: Path) -> Killed:
    target = project({"calc.py": BUG, "test_calc.py": TEST})
    return Killed(target, surroundings, tmp_path / "state")


def leftovers(pid: int, session: int) -> list[str]:
    """Processes, folders and control groups of a run that is gone."""
    said = subprocess.run(["ps", "-o", "pid=,args=", "-s", str(session)], capture_output=True)
    found = said.stdout.decode(errors="replace").splitlines()
    names = f"repair-{pid}-*"
    found += [str(path) for path in Path(tempfile.gettempdir()).glob(names)]
    for top in group_parents().values():
        found += [str(path) for path in top.glob(names)]
    return found


@pytest.mark.nightly
@pytest.mark.parametrize(
    ("moment", "finished"),
    [
        ("prepare ...", ()),
        ("baseline ...", ()),  # the checkpoint of `prepare` may wait for LangGraph's import
        ("localize ...", ("prepare", "baseline")),
        ("validate ...", ("prepare", "baseline", "localize")),
    ],
)
def test_after_kill_9_it_goes_on(
    run_repair: Repair, killed: Killed, moment: str, finished: tuple[str, ...]
) -> None:
    killed.wait_for(moment)
    killed.end(signal.SIGKILL)
    run = killed.folder.name
    assert f"{run} " in run_repair("list").stdout
    resumed = run_repair("resume", run, "--verbose")
    assert resumed.returncode in FOUND_CODES, resumed.stdout + resumed.stderr
    assert any(words in resumed.stdout for words in FOUND_WORDS)
    for stage in finished:
        assert f"{stage} ..." not in resumed.stdout
    assert "select ..." in resumed.stdout
    tried = (killed.folder / "tried.txt").read_text().split()
    assert len(tried) == len(set(tried))
    pid = killed.process.pid
    for _ in range(50):
        if not leftovers(pid, pid):
            break
        time.sleep(0.1)
    assert leftovers(pid, pid) == []


@pytest.mark.nightly
def test_a_resume_gives_the_same_result_again(run_repair: Repair, killed: Killed) -> None:
    killed.wait_for("select ...")
    killed.process.communicate(timeout=60)
    before = json.loads((killed.folder / "result.json").read_text())
    again = run_repair("resume", killed.folder.name, "--json")
    assert again.returncode in FOUND_CODES, again.stderr
    told = json.loads(again.stdout)
    for name in ("result_path", "tests_path"):  # the stored file may be moved: it names no folder
        told["result"][name] = None
    assert {name: told[name] for name in before} == before


@pytest.mark.nightly
def test_a_run_does_not_keep_its_state_once_for_each_step(
    run_repair: Repair, killed: Killed
) -> None:
    killed.wait_for("select ...")
    killed.process.communicate(timeout=60)
    with closing(sqlite3.connect(killed.folder / "checkpoints.sqlite")) as connection:
        query = "SELECT count(*) FROM checkpoints WHERE thread_id = ?"
        (kept,) = connection.execute(query, (killed.folder.name,)).fetchone()
    assert 1 <= kept <= 2  # six steps or more were taken
    assert run_repair("resume", killed.folder.name).returncode in FOUND_CODES


@pytest.mark.slow
def test_ctrl_c_keeps_what_was_found(run_repair: Repair, killed: Killed) -> None:
    killed.wait_for("passes the verdict")
    said = killed.end(signal.SIGINT)
    assert killed.process.returncode == 130, said
    result = json.loads((killed.folder / "result.json").read_text())["result"]
    assert result["status"] == "cancelled"
    assert "calc.py" in result["patch"]["diff"]
    assert (killed.folder / "patch.diff").read_text() == result["patch"]["diff"]
    assert "the best validated patch so far is kept" in said
    resumed = run_repair("resume", killed.folder.name)
    assert resumed.returncode in FOUND_CODES, resumed.stdout + resumed.stderr


def test_a_second_resume_is_refused(run_repair: Repair, killed: Killed) -> None:
    killed.wait_for("baseline ...")
    killed.process.send_signal(signal.SIGSTOP)
    second = run_repair("resume", killed.folder.name)
    killed.process.send_signal(signal.SIGCONT)
    killed.end(signal.SIGKILL)
    assert second.returncode == 3, second.stdout + second.stderr
    assert f"nother process is working on run {killed.folder.name}" in second.stderr


def attack(proof: Path) -> list[tuple[str, bytes]]:
    """Payloads that have executed code when a checkpoint was loaded."""
    command = f"touch {proof}"
    call = ormsgpack.packb(("os", "system", (command,)))
    method = ormsgpack.packb(("builtins", "eval", (f"__import__('os').system({command!r})",)))
    constructor = {
        "lc": 2,
        "type": "constructor",
        "id": ["os", "system"],
        "args": [command],
        "kwargs": {},
    }
    return [
        ("msgpack", ormsgpack.packb({"channel_values": ormsgpack.Ext(0, call)})),
        ("msgpack", ormsgpack.packb({"channel_values": ormsgpack.Ext(1, call)})),
        ("msgpack", ormsgpack.packb({"channel_values": ormsgpack.Ext(2, method)})),
        ("json", json.dumps({"channel_values": constructor}).encode()),
        ("pickle", b"cos\nsystem\n(S'" + command.encode() + b"'\ntR."),
        ("json", b"\xff\x00 not json"),
    ]


@pytest.mark.slow
def test_a_tampered_checkpoint_runs_nothing(
    run_repair: Repair, killed: Killed, tmp_path: Path
) -> None:
    killed.wait_for("localize ...")
    killed.end(signal.SIGKILL)
    proof = tmp_path / "executed"
    file = killed.folder / "checkpoints.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    original = file.read_bytes()
    for kind, payload in attack(proof):
        file.write_bytes(original)
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (kind, payload))
            connection.execute("UPDATE writes SET type = ?, value = ?", (kind, payload))
        done = run_repair("resume", killed.folder.name)
        assert not proof.exists(), kind
        assert done.returncode == 3, done.stdout + done.stderr
        assert "repair the target again from the start" in done.stderr, done.stderr
    file.write_bytes(b"no database at all" * 500)
    done = run_repair("resume", killed.folder.name)
    assert (done.returncode, "damaged" in done.stderr) == (3, True), done.stderr


def test_unknown_and_damaged_runs(run_repair: Repair, tmp_path: Path) -> None:
    for name in ("20990101-000000-ffff", "../state", ""):
        done = run_repair("resume", name)
        assert done.returncode == 2, done.stdout + done.stderr
        assert re.search("there is no run", done.stderr, re.I)
    broken = tmp_path / "state" / "runs" / "20260101-000000-0000"
    broken.mkdir(parents=True)
    (broken / "job.json").write_text("{")
    done = run_repair("resume", broken.name)
    assert (done.returncode, "no readable job.json" in done.stderr) == (2, True)
    shutil.rmtree(broken)
    assert list(broken.parent.iterdir()) == []
