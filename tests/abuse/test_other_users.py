"""Another user of the machine reads nothing that the service keeps, and nothing is left open."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runs.folder import new_folder
from tests.support.store_case import a_request
from tests.support.web_case import service_settings
from workers.github.config import read_github_settings
from workers.host.local_redis import local_redis
from workers.store.store import Store, open_store

NOBODY = 65534
READ = """
import os, sys
root, found = sys.argv[1], []
for folder, names, files in os.walk(root):
    found += [os.path.join(folder, name) for name in names + files]
for path in [*found, *sys.argv[2:]]:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
    except PermissionError:
        continue
    print(path)
"""


@pytest.fixture
def machine() -> Iterator[Path]:
    """A folder that everybody may enter, as a home is on many machines; a umask that closes
    nothing."""
    folder = Path(tempfile.mkdtemp(prefix="repair-machine-"))
    folder.chmod(0o755)
    before = os.umask(0)
    yield folder
    os.umask(before)
    shutil.rmtree(folder)


def used(state: Path) -> Store:
    """A service's store after a job came in: its file, its log and its index are there."""
    store = open_store(service_settings(state))
    store.migrate()
    claim = store.claim(store.submit(a_request()).job.id, "w1")
    assert claim is not None
    with store.checkpoints(claim)() as saver:
        assert saver.get_tuple({"configurable": {"thread_id": claim.job.id}}) is None
    return store


def open_to_others(root: Path) -> list[str]:
    """What lies below, and may be read by others, were they to get that far."""
    return [str(path) for path in (root, *root.rglob("*")) if path.stat().st_mode & 0o077]


def seen_by_nobody(root: Path) -> list[str]:
    """What the user `nobody` reads, also of paths that it has to guess."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    argv = [sys.executable, "-I", "-c", READ, str(root), *map(str, root.rglob("*"))]
    python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable
    done = subprocess.run(
        [python, *argv[1:]],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_another_user_reads_no_job(machine: Path) -> None:
    state = machine / "state" / "repair"
    store = used(state)
    assert {path.name for path in state.glob("service.sqlite*")} >= {
        "service.sqlite",
        "service.sqlite-wal",
        "service.sqlite-shm",
    }
    assert open_to_others(machine / "state") == []
    assert seen_by_nobody(machine / "state") == []
    store.close()


def test_a_database_elsewhere_is_closed_too(machine: Path) -> None:
    settings = service_settings(
        machine / "state", database_url=f"sqlite:///{machine}/service.sqlite"
    )
    store = open_store(settings)
    store.migrate()
    assert [path for path in open_to_others(machine) if "service.sqlite" in path] == []
    assert stat.S_IMODE(machine.stat().st_mode) == 0o755, "a folder that is not ours alone"
    assert seen_by_nobody(machine) == []
    store.close()


def test_what_an_earlier_version_left_open_is_closed(machine: Path) -> None:
    state = machine / "repair"
    store = used(state)
    for path in (state, *state.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    again = open_store(service_settings(state))
    assert open_to_others(state) == []
    assert seen_by_nobody(state) == []
    again.close()
    store.close()


def test_run_folders_are_closed(machine: Path) -> None:
    request = a_request()
    settings = service_settings(machine / "state")
    new_folder(settings, request.repair.run_id).save_job(request.repair)
    assert [path for path in open_to_others(machine / "state") if Path(path).is_dir()] == []
    assert seen_by_nobody(machine / "state") == []


def test_the_password_of_redis_is_closed(machine: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed")
    folder = machine / "redis"
    local_redis(folder, 1)
    (folder / "password").chmod(0o644)
    folder.chmod(0o755)
    local_redis(folder, 1)
    assert open_to_others(folder) == []
    assert seen_by_nobody(folder) == []


def test_the_key_of_the_app_is_closed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REPAIR_GITHUB_FOLDER", str(machine))
    (machine / "app.json").write_text(json.dumps({"app_id": 7}))
    assert read_github_settings().app_id == 7
    assert seen_by_nobody(machine) == []


def test_the_machines_own_folder_for_temporary_files_stays_open(machine: Path) -> None:
    machine.chmod(0o1777)
    open_store(service_settings(machine)).close()
    assert stat.S_IMODE(machine.stat().st_mode) == 0o1777
