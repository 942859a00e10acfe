"""The sandbox that answers has no mark in common with those in which tests run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sandbox.base import Environment
from sandbox.engines.choose import AnySandbox
from sandbox.languages.python.runners.split.messages import moved
from sandbox.machine_identity import MachineIdentity
from tests.support.sandbox_case import SMALL, pack_tar

MARKS = """
import json, os, socket, stat, sys, time
top = os.getcwd()
state, own = os.stat(top), os.stat("calc.py")
print(json.dumps({
    "place": top,
    "depth": top.count("/") > 1,
    "home": os.path.expanduser("~"),
    "user": os.environ.get("USER"),
    "temporary": os.environ.get("TMPDIR"),
    "path": os.environ["PATH"].partition(":")[2],
    "host": socket.gethostname(),
    "owner": own.st_uid,
    "uid": os.getuid(),
    "date": own.st_mtime,
    "folder is new": time.time() - state.st_mtime < 3600,
    "everybody writes": bool(state.st_mode & stat.S_ISVTX),
    "checkout": os.path.exists(".git/HEAD"),
    "many processes before": os.getpid() > 1000,
    "variables": sorted(os.environ),
    "terminal": os.environ.get("TERM"),
    "leftovers": sorted(os.listdir("/tmp")),
}))
"""


LIKE_ANY_OTHER = (
    "depth",
    "folder is new",
    "everybody writes",
    "checkout",
    "temporary",
    "many processes before",
)
DRAWN_FROM_FEW = ("path", "terminal", "variables")
"""Two sandboxes may have these in common by chance; many have not (below)."""


@pytest.fixture(scope="module", params=["bubblewrap", "docker"])
def sandbox(
    request: pytest.FixtureRequest, need_sandbox: Callable[[str], AnySandbox]
) -> AnySandbox:
    return need_sandbox(request.param)


def _marks(sandbox: AnySandbox, bare: Environment, tar: Path, other: bool) -> Mapping[str, Any]:
    identity = MachineIdentity.random("calc") if other else None
    with sandbox.open(bare, tar, SMALL, identity) as session:
        result = session.run([bare.python, "-c", MARKS], timeout_seconds=30)
        assert result.ok, result
        found: dict[str, Any] = json.loads(result.stdout)
        session.write("after.py", b"")
        late = [bare.python, "-c", "import os; print(os.stat('after.py').st_mtime)"]
        found["date of a later file"] = session.run(late, timeout_seconds=30).stdout
        home = f"open({found['home'] + '/x'!r}, 'w').close()"
        assert session.run([bare.python, "-c", home], timeout_seconds=30).ok
        return found


def test_no_mark_is_the_same(sandbox: AnySandbox, bare: Environment, tmp_path: Path) -> None:
    tar = pack_tar(tmp_path / "s.tar", {"calc.py": b"x = 1\n"})
    usual = _marks(sandbox, bare, tar, other=False)
    one, two = (_marks(sandbox, bare, tar, other=True) for _ in range(2))
    assert usual.keys() == one.keys()
    assert [mark for mark in usual if usual[mark] == one[mark]] == []
    same = {mark for mark in one if one[mark] == two[mark]}
    assert same <= {*LIKE_ANY_OTHER, *DRAWN_FROM_FEW}


def test_messages_name_the_places_of_their_reader() -> None:
    here, there = MachineIdentity(), MachineIdentity.random("calc")
    question = {
        "ask": {},
        "value": ["/workspace/data/a.txt", "/workspace", "/workspaces/b", "/tmp"],
    }
    asked = moved(question, here, there)
    assert asked["value"][:2] == [f"{there.workspace}/data/a.txt", there.workspace]
    assert asked["value"][2:] == ["/workspaces/b", "/tmp"]
    assert moved(asked, there, here) == question
    said = {"how": "returned", "value": f"{there.home}/.cache"}
    assert moved(said, there, here)["value"] == "/tmp/.cache"


def test_identities_are_another_each_time() -> None:
    many = [MachineIdentity.random("calc") for _ in range(40)]
    assert len({one.workspace for one in many}) == len({one.host for one in many}) == 40
    assert len({one.user for one in many}) == 40
    drawn = {
        "path": {one.system_path for one in many},
        "terminal": {one.variables["TERM"] for one in many},
        "variables": {tuple(sorted(one.variables)) for one in many},
    }
    assert drawn.keys() == set(DRAWN_FROM_FEW)
    assert all(len(values) > 1 for values in drawn.values())
    assert all(one.workspace.endswith("/calc") for one in many)
    assert all(one.workspace.startswith(one.home + "/") for one in many)
