"""What a worker says of its sandbox: never that it works where a job could not begin."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.environments.store import EnvironmentStore
from workers.config import ServiceSettings
from workers.queue.announcer import Announcer
from workers.queue.probe import probe


def settings(tmp_path: Path) -> ServiceSettings:
    return ServiceSettings(cache_dir=tmp_path / "cache", state_dir=tmp_path / "state")


def test_leftovers_do_not_stop_it(
    tmp_path: Path, need_sandbox: Callable[[str], AnySandbox]
) -> None:
    need_sandbox("bubblewrap")
    root = EnvironmentStore(tmp_path / "cache" / "environments").new_root("0" * 32)
    mark = root.with_name(root.name + ".owner")
    mark.write_text(mark.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194399'))
    fd = os.open(root, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    name, trouble = probe(settings(tmp_path))
    assert name in ("docker", "bubblewrap"), trouble
    assert not root.exists()


@pytest.mark.parametrize("broken", ["cache", "state"])
def test_folders_that_cannot_be_used_are_told(tmp_path: Path, broken: str) -> None:
    (tmp_path / broken).write_text("a file")
    name, trouble = probe(settings(tmp_path))
    assert name == ""
    assert str(tmp_path / broken) in trouble


def test_a_probe_that_fails_is_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def failing() -> tuple[str, str]:
        raise RecursionError("too deep")

    announcer = Announcer(None, "w", [], 1, failing)  # type: ignore[arg-type]
    name, trouble = announcer._safely_probed()
    assert (name, "RecursionError" in trouble) == ("", True)
    assert "cannot be probed" in caplog.text


def test_a_probe_that_hangs_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    announcer = Announcer(None, "w", [], 1, lambda: ("docker", ""))  # type: ignore[arg-type]
    announcer._found = ("docker", "")
    assert announcer._state() == ("docker", "")
    monkeypatch.setattr("workers.queue.announcer.HUNG_PROBE_SECONDS", -1.0)
    assert announcer._state()[0] == ""
