"""Jobs that ended, hour by hour and day by day, as plots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from statistics import median, quantiles

from agent.records import Status
from agent.wording import counted, duration
from workers.store.statistics import EndedJob, Recent
from workers.web.pages.plots.bars import Column, Plot, plot

HOURS, DAYS = 24, 14
LENGTH = timedelta(days=DAYS)
PATCHED = (Status.REPAIRED, Status.PLAUSIBLE, Status.REPAIRED_IN_PART)
"""Endings with a patch."""
MIN_JOBS_FOR_TENTHS = 10
Period = tuple[str, list[EndedJob]]


def plots(recent: Recent) -> list[Plot]:
    """Throughput and waiting time by hour, then jobs, tokens and GPU time by day (UTC)."""
    hours = _periods(recent, timedelta(hours=1), HOURS, "%H:00")
    days = _periods(recent, timedelta(days=1), DAYS, "%d %b")
    return [
        plot("Jobs that ended, by hour", [_ended(*period) for period in hours]),
        plot(
            "Time in the queue, by hour: the median; the mark: nine of ten, or the longest",
            [_waited(*period) for period in hours],
        ),
        plot("Jobs that ended, by day", [_ended(*period) for period in days]),
        plot(
            "Tokens of the model, by day", [_sum(p, lambda job: job.tokens, _tokens) for p in days]
        ),
        plot("GPU time, by day", [_sum(p, lambda job: job.gpu_seconds, duration) for p in days]),
    ]


def _periods(recent: Recent, length: timedelta, number: int, form: str) -> list[Period]:
    """The last periods up to now, the oldest first; each begins at a whole hour or day."""
    this_one = recent.until.replace(minute=0, second=0, microsecond=0)
    if length >= timedelta(days=1):
        this_one = this_one.replace(hour=0)
    begins = [this_one - length * back for back in reversed(range(number))]
    groups: dict[datetime, list[EndedJob]] = {begin: [] for begin in begins}
    for job in recent.jobs:
        begin = this_one - length * -((job.ended_at - this_one) // length)
        if begin in groups:
            groups[begin].append(job)
    return [(begin.strftime(form), groups[begin]) for begin in begins]


def _ended(label: str, jobs: Sequence[EndedJob]) -> Column:
    patched = sum(job.outcome in PATCHED for job in jobs)
    words = f"{counted(len(jobs), 'job')}, {patched} with a patch"
    return Column(label=label, value=len(jobs), words=words)


def _waited(label: str, jobs: Sequence[EndedJob]) -> Column:
    """The median as a bar; where there are enough, what nine of ten stayed below as a mark."""
    waits = [job.wait_seconds for job in jobs if job.wait_seconds is not None]
    if not waits:
        return Column(label=label, value=0.0, words="none started")
    middle = median(waits)
    upper = quantiles(waits, n=10)[-1] if len(waits) >= MIN_JOBS_FOR_TENTHS else max(waits)
    kind = "nine of ten below" if len(waits) >= MIN_JOBS_FOR_TENTHS else "longest"
    words = f"median {duration(middle)}, {kind} {duration(upper)}"
    return Column(label=label, value=middle, words=words, upper=upper)


def _sum(
    period: Period, amount: Callable[[EndedJob], float], words: Callable[[float], str]
) -> Column:
    label, jobs = period
    total = float(sum(amount(job) for job in jobs))
    return Column(label=label, value=total, words=words(total))


def _tokens_of(job: EndedJob) -> float:
    return job.tokens


def _gpu_seconds_of(job: EndedJob) -> float:
    return job.gpu_seconds


def _tokens(number: float) -> str:
    return f"{int(number):,} tokens"
