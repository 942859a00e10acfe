"""Whether the guess at the end of a job is what it says: half of the truths inside its range.

    python -m benchmarks.eta benchmarks/results/real-bugs-bubblewrap.json

Takes recorded runs in the order they were made (the cases of a result of a benchmark, or `runs/` of
a state folder), and at the beginning of each stage of each run guesses from those before it, as the
service does.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from workers.jobs.past_runs import MAX_RECENT_JOBS, STEPS, PastRun
from workers.store.scheduling.eta import MIN_SAMPLES, seconds_left


@dataclass(frozen=True)
class Recorded:
    target: str
    run: PastRun


def recorded_runs(path: Path) -> list[Recorded]:
    """The oldest first. Names of runs begin with the time."""
    if path.is_dir():
        documents = [json.loads(one.read_text()) for one in sorted(path.glob("*/result.json"))]
        return [
            _recorded((document.get("evidence") or {}).get("target"), document["result"]["seconds"])
            for document in documents
        ]
    cases = json.loads(path.read_text())["cases"]
    return [
        _recorded(case.get("repo"), case["stage_seconds"])
        for case in cases
        if case.get("stage_seconds")
    ]


def _recorded(target: str | None, stage_seconds: dict[str, float]) -> Recorded:
    run = PastRun(seconds=sum(stage_seconds.values()), stage_seconds=stage_seconds)
    return Recorded(target=target or "", run=run)


def like(target: str, earlier: list[Recorded]) -> list[PastRun]:
    """The newest of the same repository; where they are too few, of all."""
    own = [one.run for one in earlier if one.target == target]
    return (own if len(own) >= MIN_SAMPLES else [one.run for one in earlier])[-MAX_RECENT_JOBS:]


def main(folder: Path) -> None:
    runs = recorded_runs(folder)
    hits: dict[str, list[bool]] = defaultdict(list)
    for index, one in enumerate(runs):
        past_runs = like(one.target, runs[:index])
        for stage in one.run.stage_seconds:
            if stage not in STEPS:
                continue
            guess = seconds_left(0.0, [run.rest(stage) for run in past_runs])
            if guess is not None:
                hits[stage].append(guess.low <= one.run.rest(stage) <= guess.high)
    for stage in sorted(hits, key=lambda name: STEPS[name]):
        share = sum(hits[stage]) / len(hits[stage])
        print(f"{stage:10} {len(hits[stage]):4} guesses, {share:.0%} of the truths inside")
    every = [hit for one in hits.values() for hit in one]
    share = sum(every) / len(every)
    print(f"all: {sum(every)} of {len(every)} truths inside, {share:.0%}; {len(runs)} runs")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
