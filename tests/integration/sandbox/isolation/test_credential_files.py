"""Credentials beside an interpreter of this machine stay outside of the sandbox."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.engines import bubblewrap
from sandbox.environments.build_settings import BuildSettings
from sandbox.environments.interpreters import HostInterpreter
from sandbox.isolation.credential_files import credential_files
from tests.support.sandbox_case import SMALL, pack_tar, python
from tests.support.services import missing

SECRET = "index-url = https://user:secret@index.example/simple"
NAMES = ("pip.conf", ".condarc", ".netrc", "condarc.d/mine.yml", "etc/npmrc")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """An interpreter's folder with what `pip config --site set` and others leave there."""
    folder = tmp_path / "prefix"
    for name in (*NAMES, "lib/module.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(SECRET)
    (folder / ".pypirc").symlink_to(folder / "pip.conf")
    return folder


def test_they_are_found(prefix: Path) -> None:
    found = credential_files([str(prefix)])
    assert {prefix / name for name in NAMES} <= set(found)
    assert prefix / "lib/module.py" not in found


def test_nothing_of_them_is_read_inside(
    prefix: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("bwrap") is None:
        missing("bubblewrap is not installed")
    need = bubblewrap.need

    def needed(interpreter: HostInterpreter | None) -> HostInterpreter:
        base = need(interpreter)
        return replace(base, prefixes=(*base.prefixes, str(prefix)))

    monkeypatch.setattr(bubblewrap, "need", needed)
    sandbox = bubblewrap.BubblewrapSandbox(BuildSettings(cache_dir=tmp_path / "cache"))
    bare = sandbox.bare()
    source = pack_tar(tmp_path / "source.tar", {"a.py": b""})
    names = [*NAMES, ".pypirc", "lib/module.py"]
    code = f"for n in {names}: print(len(open({str(prefix)!r} + '/' + n).read()))"
    with sandbox.open(bare, source, SMALL) as session:
        sizes = python(session, bare, code).split()
    assert sizes == ["0"] * (len(names) - 1) + [str(len(SECRET))]
