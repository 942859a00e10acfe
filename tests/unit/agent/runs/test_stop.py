"""A sandbox that can be stopped: what is open ends, what is over is let go."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.runs.stop import StoppableSandbox
from sandbox.base import Limits, Session
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxDied
from sandbox.snapshots.tarball import empty_tar


class Opened:
    """A real sandbox with a stop of its own."""

    def __init__(self, folder: Path) -> None:
        self.stop = threading.Event()
        self._inner = ProcessSandbox(BuildSettings(cache_dir=folder))
        self.sandbox = StoppableSandbox(self._inner, self.stop)
        self._source = folder / "empty.tar"
        self._source.write_bytes(empty_tar())

    def session(self) -> Session:
        return self.sandbox.open(self._inner.bare(), self._source, Limits())


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    found = Opened(tmp_path)
    yield found
    found.sandbox.close()


def test_a_session_that_is_closed_is_not_kept(opened: Opened) -> None:
    first = opened.session()
    first.close()
    known = weakref.ref(first)
    del first
    with opened.session() as second:
        gc.collect()
        assert known() is None
        assert second.run(["true"], timeout_seconds=30).ok


def test_a_stop_ends_what_runs(opened: Opened) -> None:
    session = opened.session()
    threading.Timer(0.5, opened.stop.set).start()
    with pytest.raises(SandboxDied):
        session.run(["sleep", "300"], timeout_seconds=300)
    assert session.closed


def test_after_a_stop_nothing_stays_open(opened: Opened) -> None:
    opened.stop.set()
    assert opened.session().closed


def test_close_ends_what_was_forgotten(opened: Opened) -> None:
    session = opened.session()
    opened.sandbox.close()
    opened.sandbox.close()
    assert session.closed
    assert not Path(session.workspace).exists()
