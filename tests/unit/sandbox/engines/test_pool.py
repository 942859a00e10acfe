"""Sessions opened ahead: each one goes out once, and none is left open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.base import Limits, Session
from sandbox.engines.pool import Pool
from sandbox.engines.process import ProcessSandbox
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxDied
from sandbox.snapshots.tarball import empty_tar


class Opener:
    """Opens real sessions and keeps them in view."""

    def __init__(self, folder: Path) -> None:
        self._sandbox = ProcessSandbox(BuildSettings(cache_dir=folder))
        self._source = folder / "empty.tar"
        self._source.write_bytes(empty_tar())
        self.opened: list[Session] = []
        self.broken = False
        self.ahead = threading.Event()
        """A second one is open."""

    def __call__(self) -> Session:
        if self.broken:
            raise SandboxDied("the engine is gone")
        session = self._sandbox.open(self._sandbox.bare(), self._source, Limits())
        self.opened.append(session)
        if len(self.opened) > 1:
            self.ahead.set()
        return session

    def left(self) -> list[Path]:
        """Workspaces of sessions that were not closed."""
        return [path for one in self.opened if (path := Path(one.workspace)).exists()]


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    return Opener(tmp_path)


def test_each_session_goes_out_once(opener: Opener) -> None:
    pool = Pool(opener)
    taken = [pool.take() for _ in range(4)]
    assert len({one.workspace for one in taken}) == 4
    for one in taken:
        one.close()
    pool.close()
    assert len(opener.opened) <= 6
    assert not opener.left()


def test_nothing_is_opened_before_the_first_is_taken(opener: Opener) -> None:
    Pool(opener).close()
    assert not opener.opened


def test_one_that_died_while_it_waited_is_replaced(opener: Opener) -> None:
    pool = Pool(opener, size=1)
    pool.take().close()
    assert opener.ahead.wait(30)
    opener.opened[1].close()
    with pool.take() as session:
        assert session is not opener.opened[1]
        assert session.run(["true"], timeout_seconds=10).ok
    pool.close()
    assert not opener.left()


def test_an_error_meets_the_one_who_takes(opener: Opener) -> None:
    pool = Pool(opener)
    opener.broken = True
    for _ in range(2):
        with pytest.raises(SandboxDied):
            pool.take()
    opener.broken = False
    pool.take().close()
    opener.broken = True
    pool.close()
    assert not opener.left()


def test_closing_ends_what_was_being_opened(opener: Opener) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(open_session: Callable[[], Session]) -> Session:
        if opener.opened:
            begun.set()
            assert go_on.wait(30)
        return open_session()

    pool = Pool(lambda: slow(opener), size=1)
    pool.take().close()
    assert begun.wait(30)
    closing = threading.Thread(target=pool.close)
    closing.start()
    go_on.set()
    closing.join(30)
    assert len(opener.opened) == 2
    assert not opener.left()
