"""Events turned into words, shared by the display, the log and the page."""

from __future__ import annotations

import shlex

from agent.events import (
    BaselineTaken,
    CandidateValidated,
    Event,
    Localized,
    Progress,
    SearchProgress,
    StageEnded,
    StageStarted,
    Warned,
)
from agent.records import Baseline, SuspiciousLine
from agent.untrusted_text import printable

MAX_SHOWN_LINES = 5
MAX_ERROR_CHARACTERS = 300
"""Of an error that is told inside of a longer sentence."""


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def brief(error: Exception) -> str:
    """The first line of what an error says; its kind where it says nothing."""
    return str(error).partition("\n")[0][:MAX_ERROR_CHARACTERS] or type(error).__name__


def only_option(test_id: str) -> str:
    """The option that names a test, as a shell takes it."""
    return f"--only {shlex.quote(test_id)}"


def tests(baseline: Baseline) -> str:
    """`2 tests fail, 13 pass, 1 is flaky`; `no test ran` where none has any outcome."""
    if not any(map(baseline.count, ("failing", "passing", "flaky", "skipped", "set_aside"))):
        return "no test ran"
    failing_count, passing_count, flaky_count = (
        baseline.count(kind) for kind in ("failing", "passing", "flaky")
    )
    words = [
        f"{counted(failing_count, 'test')} {_verb(failing_count, 'fails', 'fail')}",
        f"{passing_count:,} {_verb(passing_count, 'passes', 'pass')}",
    ]
    if flaky_count:
        words.append(f"{flaky_count:,} {_verb(flaky_count, 'is', 'are')} flaky")
    if baseline.skipped:
        words.append(f"{baseline.count('skipped'):,} skipped")
    if baseline.set_aside:
        words.append(f"{baseline.count('set_aside'):,} set aside")
    return ", ".join(words)


def in_part(baseline: Baseline) -> str:
    """`2 of 4 failing tests pass with it, and 2 stay red`: of a repair in part."""
    red = len(baseline.still_red)
    share = f"{baseline.count('failing'):,} of {counted(baseline.failed, 'failing test')}"
    verb = _verb(baseline.count("failing"), "passes", "pass")
    return f"{share} {verb} with it, and {red:,} {_verb(red, 'stays', 'stay')} red"


def place(line: SuspiciousLine) -> str:
    return f"{printable(line.path)}:{line.line}"


def search(progress: SearchProgress) -> str:
    words = f"{counted(progress.tried, 'candidate')} tried, {progress.per_second:,.0f}/s"
    return f"{words}, best so far: {printable(progress.best)}" if progress.best else words


def line_of(event: Event) -> str | None:
    """One line of plain text for the event; None when it says nothing by itself."""
    match event:
        case StageStarted(stage=stage):
            return f"{stage} ..."
        case StageEnded():
            return _stage_end(event)
        case Progress(text=text):
            return f"  {printable(text)}"
        case Warned(text=text):
            return f"warning: {printable(text)}"
        case BaselineTaken(baseline=baseline):
            return f"  {tests(baseline)}"
        case Localized(lines=lines):
            places = ", ".join(place(line) for line in lines[:MAX_SHOWN_LINES])
            return f"  most suspicious: {places or 'no line stands out'}"
        case SearchProgress():
            return f"  {search(event)}"
        case CandidateValidated():
            return f"  {_validated(event)}"


def _stage_end(event: StageEnded) -> str:
    how = "cut off after" if event.cut_off else "done in"
    end = f"{event.stage} {how} {duration(event.seconds)}"
    first = event.summary.partition("\n")[0]  # the rest is a tool's output, shown at the end
    return f"{end}: {printable(first)}" if first else end


def _validated(event: CandidateValidated) -> str:
    if event.plausible:
        return f"passes the verdict: {printable(event.description)}"
    why = printable("; ".join(event.objections)) or "no reason given"
    return f"rejected: {printable(event.description)} ({why})"


def _verb(number: int, singular: str, plural: str) -> str:
    return singular if number == 1 else plural
