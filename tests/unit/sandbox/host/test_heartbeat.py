"""A sign of life for as long as something goes on, and no longer."""

from __future__ import annotations

import threading

from sandbox.host.heartbeat import heartbeat


def test_it_beats_until_the_block_is_over() -> None:
    beats, third = [0], threading.Event()

    def beat() -> None:
        beats[0] += 1
        if beats[0] == 3:
            third.set()
        raise BrokenPipeError

    with heartbeat(beat, 0.001):
        assert third.wait(60)
    assert not [each for each in threading.enumerate() if each.name == "heartbeat"]
