"""Real signals to a real process."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import signal, sys, threading, time
from cli.display.interrupt import run_interruptible
stop = threading.Event()
def work():
    print("working", flush=True)
    if sys.argv[1] == "elsewhere":
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (stop.is_set() and sys.argv[1] != "stubborn"):
        time.sleep(0.01)
    time.sleep(2 if sys.argv[1] == "slow" else 0)
    return "finished"
def say(word):
    return lambda: print(word, flush=True)
print(run_interruptible(work, stop, on_first=say("first"), on_second=say("second")))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_work_returns(number: signal.Signals) -> None:
    with _working("polite") as process:
        process.send_signal(number)
        out = _rest(process)
    assert out.split() == ["first", "finished"]
    assert process.returncode == 0


def test_a_signal_that_another_thread_got_is_answered_as_soon() -> None:
    """The kernel chooses the thread; the work would go on for 30 s if the main one slept on."""
    with _working("elsewhere") as process:
        out = _rest(process)
    assert out.split() == ["first", "finished"]


def test_a_second_ctrl_c_ends_the_process_at_once() -> None:
    with _working("stubborn") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        while process.poll() is None:  # one that comes at once is the same request
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "second\n"
    assert process.returncode == 130


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_a_supervisor_repeats_counts_once(number: signal.Signals) -> None:
    with _working("slow") as process:
        process.send_signal(number)
        assert process.stdout is not None
        assert process.stdout.readline() == "first\n"
        process.send_signal(number)
        out = _rest(process)
    assert out.split() == ["finished"]
    assert process.returncode == 0


def test_sigterm_never_counts_as_impatience() -> None:
    with _working("slow") as process:
        for _ in range(4):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        out = _rest(process)
    assert out.split() == ["first", "finished"]


def test_an_error_of_the_work_comes_out_unchanged() -> None:
    import threading

    from cli.display.interrupt import run_interruptible

    before = signal.getsignal(signal.SIGINT)

    def work() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError, match="x"):
        run_interruptible(work, threading.Event(), on_first=lambda: None, on_second=lambda: None)
    assert signal.getsignal(signal.SIGINT) is before


def _rest(process: subprocess.Popen[str]) -> str:
    """What it still says until it ends. `communicate` would pass over what `readline` has read
    ahead."""
    assert process.stdout is not None
    text = process.stdout.read()
    process.wait(timeout=60)
    return text


def _working(kind: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", SCRIPT, kind]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    return process
