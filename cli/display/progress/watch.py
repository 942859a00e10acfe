"""Running the graph with someone watching: display, log, Ctrl-C, and errors as sentences."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from agent.errors import AgentError
from agent.events import Event, Listener
from agent.model.errors import ModelError
from agent.records import RepairResult
from agent.runs.result_file import printed_failure
from agent.untrusted_text import printable_lines
from cli.display.console import animated, make_console, say
from cli.display.interrupt import ignore_signals, run_interruptible
from cli.display.log import RunLog
from cli.display.progress.live import LiveDisplay
from cli.display.progress.plain import PlainDisplay
from cli.errors import CliError
from cli.exit_codes import ExitCode, of_error
from sandbox.errors import SandboxError

T = TypeVar("T")
Work = Callable[[Listener, threading.Event], RepairResult]
Display = LiveDisplay | PlainDisplay


@dataclass(frozen=True, kw_only=True)
class Watch:
    """Shows one run on the terminal, and stops it on Ctrl-C."""

    run_id: str
    max_seconds: float
    on_stop: str = "Stopping; a patch that has passed is kept. Once more to stop at once."
    on_kill: str = "Stopped at once. `repair resume RUN` goes on from the last stage."
    as_json: bool = False
    verbose: bool = False
    on_stderr: bool = False
    """The progress, so that stdout holds what came out alone."""
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, work: Callable[[Listener, threading.Event], T], log: RunLog) -> T:
        """Run `work` to its end, or to the user's Ctrl-C."""
        display = self._display()

        def listen(event: Event) -> None:
            log(event)
            if display is not None:
                display(event)

        def note(sentence: str) -> None:
            display.note(sentence) if display is not None else say(sentence)

        def stopping() -> None:
            note(self.on_stop)

        def killed() -> None:
            if display is not None:
                display.__exit__()
            sentence = self.on_kill.replace("RUN", self.run_id)
            say(f"\n{sentence}")
            if self.as_json:
                print(failure_json(sentence, ExitCode.INTERRUPTED), flush=True)

        with display or contextlib.nullcontext():
            return self._stoppable(work, listen, stopping, killed)

    def _stoppable(
        self,
        work: Callable[[Listener, threading.Event], T],
        listen: Listener,
        on_first: Callable[[], None],
        on_second: Callable[[], None],
    ) -> T:
        try:
            return run_interruptible(
                lambda: work(listen, self.stop), self.stop, on_first=on_first, on_second=on_second
            )
        except SandboxError as error:  # what it worked in was closed under it
            if self.stop.is_set():
                sentence = f"Stopped. `repair resume {self.run_id}` goes on from the last stage."
                raise Stopped(sentence) from error
            raise

    def _display(self) -> Display | None:
        if self.as_json:
            return PlainDisplay(sys.stderr, verbose=True) if self.verbose else None
        stream = sys.stderr if self.on_stderr else sys.stdout
        console: Console = make_console(stream)
        if animated(console):
            return LiveDisplay(console, max_seconds=self.max_seconds, verbose=self.verbose)
        return PlainDisplay(stream, verbose=self.verbose)


class Stopped(Exception):
    """The user stopped the run before it had anything to show."""


def guarded(work: Callable[[RunLog], int], *, as_json: bool = False) -> int:
    """Run a command; every error becomes a sentence, an exit code and, where it is not the
    user's to mend, a log to paste."""
    log = RunLog(sys.argv[1:])
    try:
        return work(log)
    except CliError as error:
        return _report(str(error), error.exit_code, None, as_json)
    except Stopped as error:
        return _report(str(error), ExitCode.INTERRUPTED, None, as_json)
    except KeyboardInterrupt:  # before the run began, or after its end
        return _report("Interrupted.", ExitCode.INTERRUPTED, None, as_json)
    except BrokenPipeError:
        raise  # the reader of our output went away; `main` ends quietly
    except (AgentError, SandboxError, ModelError, OSError) as error:
        code = of_error(error)
        log_path = log.write(error) if code is ExitCode.INFRASTRUCTURE else None
        return _report(_sentence(error), code, log_path, as_json)
    except Exception as error:  # the boundary: a user never sees a traceback
        sentence = f"This is a fault in repair itself ({type(error).__name__}: {error})."
        return _report(sentence, ExitCode.INFRASTRUCTURE, log.write(error), as_json)


def _sentence(error: Exception) -> str:
    sentence = str(error).strip() or type(error).__name__
    if isinstance(error, OSError):
        sentence = f"The machine refused: {sentence}."
    plain_word = sentence.split(maxsplit=1)[0].isalpha()  # a path or a URL stays as it is
    return f"{sentence[:1].upper()}{sentence[1:]}" if plain_word else sentence


def failure_json(sentence: str, code: ExitCode, log: Path | None = None) -> str:
    """The one object that is printed where there is no result."""
    return printed_failure(sentence, int(code), str(log) if log else None)


def _report(sentence: str, code: ExitCode, log: Path | None, as_json: bool) -> int:
    ignore_signals()
    if as_json:
        print(failure_json(sentence, code, log), flush=True)
    say("repair: " + "\n  ".join(printable_lines(sentence)))
    if log is not None:
        say(f"The log of this run, to read or to paste into a report: {log}")
    return code
