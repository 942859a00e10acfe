"""How long the stages of earlier jobs took: what a guess at the end of another is made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from workers.records import Job, JobState
from workers.store.scheduling.eta import MIN_SAMPLES
from workers.store.store import Store

MAX_RECENT_JOBS = 50
MAX_KNOWN_JOBS = 1_000
STEPS = {
    "prepare": 0,
    "baseline": 1,
    "reproduce": 2,
    "localize": 3,
    "propose": 4,
    "validate": 4,  # takes turns with `propose`
    "select": 5,
    "regroup": 5,
}
"""Stage → its place in the order of a repair."""
Key = tuple[str, datetime]


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """A job that ended, and what each of its stages took."""

    seconds: float
    stage_seconds: Mapping[str, float]

    def rest(self, stage: str) -> float:
        """Seconds from the beginning of a stage to the end; of the whole run, for a stage that is
        not known."""
        step = STEPS.get(stage)
        if step is None:
            return self.seconds
        return sum(
            seconds for name, seconds in self.stage_seconds.items() if STEPS.get(name, -1) >= step
        )


class PastRuns:
    """Reads them, and keeps those it has read: a result may be large, and does not change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Key, PastRun] = {}

    def like(self, repository: str) -> Sequence[PastRun]:
        """Recent ones of a repository; where those are too few, of all."""
        own = self._of(repository)
        return own if len(own) >= MIN_SAMPLES else self._of(None)

    def all(self) -> Sequence[PastRun]:
        return self._of(None)

    def _of(self, repository: str | None) -> list[PastRun]:
        jobs = self._store.jobs(
            states=[JobState.ENDED], repository=repository, limit=MAX_RECENT_JOBS
        )
        return [run for job in jobs if (run := self._run(job)) is not None]

    def _run(self, job: Job) -> PastRun | None:
        if job.started_at is None or job.ended_at is None:
            return None
        key = job.id, job.ended_at
        if key not in self._known:
            if len(self._known) >= MAX_KNOWN_JOBS:
                self._known.clear()
            seconds = (job.ended_at - job.started_at).total_seconds()
            self._known[key] = PastRun(seconds=seconds, stage_seconds=self._stage_seconds(job.id))
        return self._known[key]

    def _stage_seconds(self, job_id: str) -> Mapping[str, float]:
        record = self._store.result(job_id)
        if record is None:
            return {}
        return {
            str(stage): float(seconds)
            for stage, seconds in json.loads(record.result_json)["result"]["seconds"].items()
        }
