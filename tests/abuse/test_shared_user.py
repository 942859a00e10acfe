"""What the kernel counts by user, used up by one session to starve another."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from sandbox.engines.choose import AnySandbox
from sandbox.engines.docker.engine import DockerSandbox
from tests.support.sandbox_case import SMALL, Pack, python

GREEDY = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
made = 0
while libc.inotify_init() >= 0: made += 1
print(made, flush=True)
sys.stdin.read()
"""
MODEST = """
import ctypes, fcntl, os
libc = ctypes.CDLL(None, use_errno=True)
made = [libc.inotify_init() for _ in range(8)]
pipes = [os.pipe() for _ in range(8)]
print(min(made) >= 0, [fcntl.fcntl(write, 1032) for _, write in pipes])
"""
PIPES = """
import os, sys, fcntl
kept = []
try:
    while len(kept) < 600:
        kept.append(os.pipe())
        try: fcntl.fcntl(kept[-1][1], 1031, 1 << 20)
        except OSError: pass
except OSError: pass
print(len(kept), flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="without root every session is its user's")
@pytest.mark.parametrize("name", ["bubblewrap", "docker"])
def test_one_session_takes_nothing_that_is_counted_by_user_from_another(
    name: str, need_sandbox: Callable[[str], AnySandbox], pack: Pack
) -> None:
    sandbox = need_sandbox(name)
    bare, source = sandbox.bare(), pack({})
    with (
        sandbox.open(bare, source, SMALL) as greedy,
        sandbox.open(bare, source, SMALL) as modest,
    ):
        users = {python(each, bare, "import os; print(os.getuid())") for each in (greedy, modest)}
        assert len(users) == 2
        hogs = [greedy.start([bare.python, "-I", "-c", code]) for code in (GREEDY, PIPES)]
        assert all(int(hog.receive(30.0) or b"0") > 100 for hog in hogs)
        given = python(modest, bare, MODEST)
        assert given == f"True {[65536] * 8}"
    if isinstance(sandbox, DockerSandbox):
        assert sandbox._users.start <= int(min(users)) < sandbox._users.stop


@pytest.mark.parametrize("name", ["bubblewrap", "docker"])
def test_the_user_of_a_session_owns_its_files_and_nothing_else(
    name: str, need_sandbox: Callable[[str], AnySandbox], pack: Pack
) -> None:
    sandbox = need_sandbox(name)
    bare = sandbox.bare()
    code = (
        "import os, pathlib\n"
        "me = os.getuid()\n"
        "pathlib.Path('/workspace/new').write_text('')\n"
        "owners = {os.lstat(p).st_uid for p in ('/workspace', '/workspace/a', '/workspace/new')}\n"
        "print(owners == {me}, os.lstat('/usr').st_uid == me, me != 0)"
    )
    with sandbox.open(bare, pack({"a": b""}), SMALL) as session:
        assert python(session, bare, code) == "True False True"
