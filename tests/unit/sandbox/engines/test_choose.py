"""Which sandbox is taken, and that a runtime that was asked for is never left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.engines import choose as choose_module
from sandbox.engines.choose import ENGINE_NAMES, choose
from sandbox.environments.build_settings import BuildSettings
from sandbox.errors import SandboxUnavailable


def no_docker(_: BuildSettings) -> None:
    raise SandboxUnavailable("Docker does not answer")


@pytest.mark.parametrize("name", [name for name in ENGINE_NAMES if name != "docker"])
def test_a_runtime_without_docker_runs_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_module, "_docker", no_docker)
    monkeypatch.setattr(choose_module, "_bubblewrap", lambda _: pytest.fail("it has no runtime"))
    settings = BuildSettings(cache_dir=tmp_path, docker_runtime="runsc")
    with pytest.raises(SandboxUnavailable, match=r"runsc.*--sandbox docker.*leave --runtime out"):
        choose(name, settings)


def test_without_docker_the_engine_that_works_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_module, "_docker", no_docker)
    monkeypatch.setattr(choose_module, "_bubblewrap", lambda _: None)
    with pytest.raises(SandboxUnavailable) as caught:
        choose("docker", BuildSettings(cache_dir=tmp_path))
    assert "give --sandbox bubblewrap, which works here" in str(caught.value)
    assert "nstall" not in str(caught.value)
