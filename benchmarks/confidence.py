"""How often is a patch right that is called so sure? Collects samples, fits the weights, tells.

    python -m benchmarks.confidence quixbugs ~/QuixBugs --journal samples.jsonl --seeds 0 1 2
    python -m benchmarks.confidence direct ~/QuixBugs --journal samples.jsonl --seeds 1 2 3
    python -m benchmarks.confidence real bugs.jsonl ~/clones --journal samples.jsonl
    python -m benchmarks.confidence fit samples.jsonl --output confidence.json --weights w.json

The fit is a logistic regression whose signs may only point where they mean something (`DIRECTION`),
with a strong pull to zero. All patches of one run together weigh as much as one run, or a bug with
eight patches would count eight times. It is judged on groups (programs, repositories) that it was
not fitted to.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.statistics.intervals import wilson
from agent.records import ExecutedSigns
from agent.selection.confidence import Weights, features, probability
from benchmarks.confidence_samples import (
    collect_direct,
    collect_quixbugs,
    collect_real,
    read_journal,
)
from benchmarks.reporting import Record, conditions, say, write_result

DIRECTION = {
    "repaired": 1,
    "calls": 1,
    "raises": -1,
    "unchanged": -1,
    "rivals": -1,
    "disagreeing": -1,
    "guards": 1,
    "noticed": 1,
    "unnoticed": -1,
    "cautions": -1,
}
PULL = 0.002
"""On the square of each weight, a run."""
STEPS = 600
RATE = 1.5
AIM = 0.85
"""Share of those called repaired that are to be right, on groups that were not fitted to: five
points over what is claimed, since real bugs are harder than planted ones."""
FEWEST = 10
"""Announced patches over a threshold, for it to be one."""
GRID = [round(0.3 + 0.02 * step, 2) for step in range(33)]
BINS = 5


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One judged patch."""

    run: str
    group: str
    source: str
    winner: bool
    right: bool
    values: dict[str, float]
    weight: float = 1.0


def samples_of(records: Iterable[Record]) -> list[Sample]:
    """The patches whose signs were executed and that somebody can say right or wrong of."""
    samples = []
    for record in records:
        known = [one for one in record["patches"] if one["right"] is not None and one["signs"]]
        samples += [
            Sample(
                run=record["tag"],
                group=record["group"],
                source=record["source"],
                winner=one["winner"],
                right=one["right"],
                values=features(ExecutedSigns(**one["signs"]), one["penalty"]),
                weight=1.0 / len(known),
            )
            for one in known
        ]
    return samples


def fit(samples: Sequence[Sample]) -> Weights:
    """Gradient descent; a weight that points the wrong way is set to zero."""
    weights, intercept = dict.fromkeys(DIRECTION, 0.0), 0.0
    total = sum(sample.weight for sample in samples) or 1.0
    for _ in range(STEPS):
        fitted = Weights(intercept, weights, AIM)
        slopes, offset = dict.fromkeys(DIRECTION, 0.0), 0.0
        for sample in samples:
            error = sample.weight * (probability(sample.values, fitted) - sample.right) / total
            offset += error
            for name in DIRECTION:
                slopes[name] += error * sample.values[name]
        intercept -= RATE * offset
        moved = {n: weights[n] - RATE * (slopes[n] + PULL * weights[n]) for n in DIRECTION}
        weights = {n: w if w * DIRECTION[n] > 0 else 0.0 for n, w in moved.items()}
    return Weights(round(intercept, 3), {n: round(w, 3) for n, w in weights.items()}, AIM)


def held_out(samples: Sequence[Sample]) -> list[tuple[Sample, float]]:
    """Each sample with its probability by a fit to all other groups."""
    told = []
    for group in sorted({sample.group for sample in samples}):
        fitted = fit([sample for sample in samples if sample.group != group])
        mine = [sample for sample in samples if sample.group == group]
        told += [(sample, probability(sample.values, fitted)) for sample in mine]
    return told


def threshold_of(told: Sequence[tuple[Sample, float]]) -> float:
    """The least from which on, and at every higher one that calls at least `FEWEST` repaired, `AIM`
    of the announced patches are right; 1 where there is none."""
    best = 1.0
    for threshold in reversed(GRID):
        kept = [sample.right for sample, value in told if sample.winner and value >= threshold]
        if len(kept) >= FEWEST and sum(kept) < AIM * len(kept):
            break
        best = threshold if len(kept) >= FEWEST else best
    return best


def share(right: Sequence[bool]) -> Record:
    low, high = wilson(sum(right), len(right)) if right else (0.0, 1.0)
    return {"right": sum(right), "of": len(right), "wilson_95": [round(low, 3), round(high, 3)]}


def figures(told: Sequence[tuple[Sample, float]], threshold: float) -> Record:
    """Of announced patches and of all, on groups that were not fitted to."""
    first = [(sample, value) for sample, value in told if sample.winner]
    total = sum(sample.weight for sample, _ in told) or 1.0
    base = sum(sample.weight * sample.right for sample, _ in told) / total
    return {
        "threshold": threshold,
        "patches": share([sample.right for sample, _ in told]),
        "announced": share([sample.right for sample, _ in first]),
        "called_repaired": share([s.right for s, value in first if value >= threshold]),
        "called_plausible": share([s.right for s, value in first if value < threshold]),
        "right_that_lose_the_word": share([value < threshold for s, value in first if s.right]),
        "brier": round(sum(s.weight * (v - s.right) ** 2 for s, v in told) / total, 4),
        "brier_of_the_base_rate": round(base * (1 - base), 4),
        "reliability": reliability(told),
    }


def reliability(told: Sequence[tuple[Sample, float]]) -> list[Record]:
    """Mean confidence beside the share that is right, in bins of equal width."""
    rows = []
    for number in range(BINS):
        low, high = number / BINS, (number + 1) / BINS
        here = [(s, v) for s, v in told if low <= v < high or (v == 1.0 == high)]
        if here:
            mean = math.fsum(value for _, value in here) / len(here)
            rows.append({"from": low, "mean": round(mean, 3), **share([s.right for s, _ in here])})
    return rows


def judge(options: argparse.Namespace) -> None:
    records = [record for path in options.journal for record in read_journal(path)]
    samples = samples_of(records)
    told = held_out(samples)
    fitted, threshold = fit(samples), threshold_of(told)
    sources = sorted({sample.source for sample in samples})
    result = {
        "conditions": conditions(benchmark="confidence", sources=sources),
        "runs": len({sample.run for sample in samples}),
        "groups": len({sample.group for sample in samples}),
        "all": figures(told, threshold),
        "by_source": {
            name: figures([one for one in told if one[0].source == name], threshold)
            for name in sources
        },
        "unjudged": sum(one["right"] is None for r in records for one in r["patches"]),
        "weights": {"intercept": fitted.intercept, "signs": dict(fitted.signs)},
        "samples": [
            {"run": s.run, "winner": s.winner, "right": s.right, "held_out": round(v, 3)}
            | {"values": {n: round(x, 3) for n, x in s.values.items()}}
            for s, v in told
            if s.winner
        ],
    }
    say(json.dumps({key: result[key] for key in result if key != "samples"}, indent=1))
    if options.output:
        write_result(options.output, result)
    if options.weights:
        write_result(options.weights, {**result["weights"], "threshold": threshold})  # type: ignore[dict-item]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.confidence",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = parser.add_subparsers(required=True, dest="part")
    quixbugs = parts.add_parser("quixbugs", help="collect from a checkout of QuixBugs")
    quixbugs.add_argument("checkout", type=Path)
    quixbugs.add_argument("--seeds", type=int, nargs="+", default=[0])
    quixbugs.add_argument("--only", nargs="+", metavar="NAME")
    direct = parts.add_parser("direct", help="collect from QuixBugs programs called directly")
    direct.add_argument("checkout", type=Path)
    direct.add_argument("--seeds", type=int, nargs="+", default=[1])
    direct.add_argument("--only", nargs="+", metavar="NAME")
    real = parts.add_parser("real", help="collect from a list of bugs and clones")
    real.add_argument("bugs", type=Path)
    real.add_argument("checkouts", type=Path)
    real.add_argument("--python", default="3.11,3.9")
    real.add_argument("--only", type=int, nargs="+", metavar="INDEX")
    for part in (quixbugs, direct, real):
        part.add_argument("--journal", type=Path, required=True)
        part.add_argument("--max-seconds", type=float, default=120.0)
        part.add_argument("--workdir", type=Path, default=Path("/tmp/repair-benchmarks"))
    fitted = parts.add_parser("fit", help="fit the weights, and say how good they are")
    fitted.add_argument("journal", type=Path, nargs="+")
    fitted.add_argument("--output", type=Path, help="JSON file for the result")
    fitted.add_argument("--weights", type=Path, help="JSON file for the weights")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    {
        "quixbugs": collect_quixbugs,
        "direct": collect_direct,
        "real": collect_real,
        "fit": judge,
    }[options.part](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
