"""A channel over pipes: its descriptors and those of the channels beside it."""

from __future__ import annotations

import os
import sys
import threading
import time

import pytest

from sandbox.session import pipe_channel
from sandbox.session.pipe_channel import PipeChannel

ECHO = "import os\nwhile data := os.read(0, 4096): os.write(1, data)"


def channel(program: str = ECHO) -> PipeChannel:
    return PipeChannel([sys.executable, "-I", "-c", program], env={})


@pytest.mark.parametrize("late", ["read", "write"])
def test_who_comes_late_uses_no_other_channels_descriptor(
    late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread has the number of a descriptor and has not begun to use it when its channel is
    closed, and the next channel gets the number."""
    first = channel()
    about_to_use, go_on = threading.Event(), threading.Event()
    plain_read, plain_write = os.read, os.write
    slow = threading.Thread(target=lambda: _use(first, late))

    def delayed_read(fd: int, size: int) -> bytes:
        if threading.current_thread() is slow and not about_to_use.is_set():
            about_to_use.set()
            go_on.wait(60)
        return plain_read(fd, size)

    def delayed_write(fd: int, data: bytes) -> int:
        if threading.current_thread() is slow and not about_to_use.is_set():
            about_to_use.set()
            go_on.wait(60)
        return plain_write(fd, data)

    monkeypatch.setattr(pipe_channel.os, "read", delayed_read)
    monkeypatch.setattr(pipe_channel.os, "write", delayed_write)
    slow.start()
    assert about_to_use.wait(60)
    closing = threading.Thread(target=first.close)
    closing.start()
    time.sleep(0.3)  # without the locks both pipes are closed by now
    others = [channel() for _ in range(3)]
    try:
        for number, other in enumerate(others):
            other.write(b"%d answer" % number)
        go_on.set()
        slow.join(60)
        closing.join(60)
        for number, other in enumerate(others):
            assert _answer(other) == b"%d answer" % number
    finally:
        for other in others:
            other.close()
    with pytest.raises(ValueError, match="closed"):
        first.read(1)
    with pytest.raises(ValueError, match="closed"):
        first.write(b"x")


def _answer(of: PipeChannel) -> bytes:
    """What comes within a while; nothing where another reader took it."""
    answers: list[bytes] = []
    reader = threading.Thread(target=lambda: answers.append(of.read(100)), daemon=True)
    reader.start()
    reader.join(10)
    return b"".join(answers)


def _use(used: PipeChannel, how: str) -> None:
    try:
        if how == "read":
            used.read(100)
        else:
            used.write(b"stray bytes")
    except (OSError, ValueError):
        return


def test_a_guest_that_does_not_listen_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipe_channel, "PROCESS_EXIT_SECONDS", 0.3)
    deaf = channel("import time\ntime.sleep(600)")
    writer = threading.Thread(target=_fill, args=(deaf,), daemon=True)
    writer.start()
    time.sleep(0.2)
    deaf.close()
    writer.join(60)
    assert not writer.is_alive()


def _fill(used: PipeChannel) -> None:
    try:
        used.write(b"x" * (1 << 22))
    except (OSError, ValueError):
        return
