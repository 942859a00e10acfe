"""Learn from small fixes in public repositories which edits of a statement are the likely ones.

    python -m benchmarks.learn_prior CHECKOUTS --records FOLDER --write

CHECKOUTS holds git checkouts or bare repositories (`owner+name/repo` or `owner+name`), none of
which may belong to what the product is measured on. The records of each repository are kept in
FOLDER, so that fitting again does not collect again. Every fourth repository (by name) is held
out: its figures are printed with the literature's shares and with numbers fitted on the others.
`--write` then fits on all and writes `agent/proposers/search/likelihood/learned_weights.py`.

The model is a conditional logit over the drafts of one statement (McFadden 1974): the log share
of the operator from the literature, plus a learned correction, plus weighted features.
Corrections are drawn to zero, as if the literature's shares had been seen in some fixes already.
A correction for each operator in each kind of statement was tried and fits worse on repositories
not seen: there is too little data for it.
"""

from __future__ import annotations

import argparse
import datetime
import gzip
import json
import math
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import mul
from pathlib import Path
from typing import Any

from agent.proposers.search.ingredients.project_context import ProjectContext
from agent.proposers.search.ingredients.site import DraftEdit
from agent.proposers.search.likelihood import learned_weights
from agent.proposers.search.likelihood.features import FEATURE_NAMES, Surroundings
from agent.proposers.search.likelihood.prior import SHARES, log_parts
from agent.source.module import Module
from benchmarks.fixes import collect
from benchmarks.reporting import say, table

EPOCHS = 30
RATE = 0.05
PULL_OPERATOR, PULL_FEATURE = 3.0, 2.0
"""How strongly corrections are drawn to zero: one over the variance expected of them."""
START = [{"share": 1.0, "new_in_message": math.log(2)}.get(name, 0.0) for name in FEATURE_NAMES]
"""No messages are on record, so that what a word of the message is worth stays as it is here."""
TOPS = (1, 5, 10, 25)


@dataclass
class Row:
    """One draft as numbers."""

    operator: str
    text: tuple[Any, ...]
    group: int
    hit: bool
    features: list[float]


@dataclass
class Fix:
    """One fix: the drafts of the changed statement."""

    repository: str
    rows: list[Row]


@dataclass
class Model:
    """Corrections and weights; as it starts, only the literature's shares count."""

    operators: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    weights: list[float] = field(default_factory=lambda: list(START))

    def utilities(self, fix: Fix) -> list[float]:
        constants = {
            name: math.log(SHARES[name]) + self.operators[name]
            for name in {row.operator for row in fix.rows}
        }
        weights = self.weights
        return [constants[row.operator] + sum(map(mul, weights, row.features)) for row in fix.rows]


def fixes_of(record: dict[str, Any]) -> Fix:
    """Turn the record of one fix into numbers, with the product's own features."""
    module = Module.parse(record["path"], record["before"])
    context = ProjectContext.build({record["path"]: module}, record["tests"])
    statements = module.statements_at(record["line"])
    drafts = [
        DraftEdit(
            tuple((start, end, text) for start, end, text in row["changes"]),
            row["operator"],
            "",
            row["weight"],
            tuple(row["names"]),
        )
        for row in record["drafts"]
    ]
    around = [Surroundings(module, statement, context) for statement in statements]
    rows = [
        Row(draft.operator, draft.changes, row["group"], row["hit"], [part, *around[s].of(draft)])
        for draft, row, part in zip(drafts, record["drafts"], log_parts(drafts), strict=True)
        for s in [row["statement"]]
    ]
    hit_groups = {row.group for row in rows if row.hit}
    for row in rows:
        row.hit = row.group in hit_groups
    return Fix(record["repo"], rows)


def rank(fix: Fix, utilities: Sequence[float]) -> int:
    """The place of the developers' edit among the candidates, as the catalogue orders them."""
    joined: dict[tuple[Any, ...], float] = defaultdict(float)
    for row, utility in zip(fix.rows, utilities, strict=True):
        joined[row.text] += math.exp(utility)
    best: dict[int, float] = {}
    for row in fix.rows:
        best[row.group] = max(best.get(row.group, 0.0), joined[row.text])
    wanted = max(best[row.group] for row in fix.rows if row.hit)
    return 1 + sum(score > wanted for score in best.values())


def ranks(fixes: Sequence[Fix], model: Model) -> list[int]:
    return [rank(fix, model.utilities(fix)) for fix in fixes]


def figures(found: Sequence[int]) -> list[str]:
    """Count, median, mean of 1/rank and the part in the top few, of some ranks."""
    inverse = statistics.mean(1 / place for place in found)
    tops = [f"{100 * sum(r <= top for r in found) / len(found):.0f} %" for top in TOPS]
    return [str(len(found)), f"{statistics.median(found):g}", f"{inverse:.3f}", *tops]


def fit(fixes: Sequence[Fix]) -> Model:
    """Fit by stochastic gradient steps (Adam, Kingma & Ba 2015); the same each time."""
    model = Model()
    order = list(range(len(fixes)))
    source = random.Random(0)
    moments: dict[int | str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    step = 0
    for epoch in range(EPOCHS):
        source.shuffle(order)
        rate = RATE * (1 - epoch / EPOCHS)
        for index in order:
            step += 1
            for key, slope in _gradient(model, fixes[index], len(fixes)).items():
                moment = moments[key]
                moment[0] = 0.9 * moment[0] + 0.1 * slope
                moment[1] = 0.999 * moment[1] + 0.001 * slope * slope
                size = moment[0] / (1 - 0.9**step)
                spread = math.sqrt(moment[1] / (1 - 0.999**step)) + 1e-8
                _move(model, key, -rate * size / spread)
    return model


def _move(model: Model, key: int | str, by: float) -> None:
    if isinstance(key, int):
        model.weights[key] += by
    else:
        model.operators[key] += by


def _gradient(model: Model, fix: Fix, count: int) -> dict[int | str, float]:
    """Slope of the negative log likelihood of one fix, with its part of the pull to zero."""
    utilities = model.utilities(fix)
    most = max(utilities)
    chances = [math.exp(utility - most) for utility in utilities]
    total = sum(chances)
    right = sum(chance for chance, row in zip(chances, fix.rows, strict=True) if row.hit)
    slopes: dict[int | str, float] = defaultdict(float)
    dense = [0.0] * len(FEATURE_NAMES)
    for chance, row in zip(chances, fix.rows, strict=True):
        pull = chance / total - (chance / right if row.hit else 0.0)
        slopes[row.operator] += pull
        if abs(pull) > 1e-5:
            dense = [sum_ + pull * value for sum_, value in zip(dense, row.features, strict=True)]
    for name in {row.operator for row in fix.rows}:
        slopes[name] += PULL_OPERATOR * model.operators[name] / count
    for index, slope in enumerate(dense):
        slopes[index] = slope + PULL_FEATURE * (model.weights[index] - START[index]) / count
    return slopes


def gather(checkouts: Path, records: Path, most: int, seconds: float) -> None:
    """Collect from every repository that has no records yet; `seconds` for all together."""
    found = sorted({head.parent for head in checkouts.glob("*/HEAD")}
                   | {head.parent for head in checkouts.glob("*/repo/HEAD")}
                   | {head.parent for head in checkouts.glob("*/.git/HEAD")})  # fmt: skip
    for git_dir in found:
        inside = git_dir.name in ("repo", ".git")
        name = (git_dir.parent if inside else git_dir).name
        path = records / f"{name}.jsonl.gz"
        if path.exists():
            continue
        until = time.monotonic() + seconds / len(found)
        rows = list(collect(git_dir, name.replace("+", "/"), most, until))
        records.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        say(f"{name}: {sum('drafts' in row for row in rows)} of {len(rows)} are one edit")


def load(records: Path) -> tuple[list[Fix], int, int]:
    """All fixes on record, how many commits were looked at for them, in how many repositories."""
    fixes: list[Fix] = []
    looked = 0
    names: set[str] = set()
    for path in sorted(records.glob("*.jsonl.gz")):
        with gzip.open(path, "rt") as file:
            for row in map(json.loads, file):
                looked += 1
                names.add(row["repo"])
                if any(draft["hit"] for draft in row.get("drafts", ())):
                    fixes.append(fixes_of(row))
    return fixes, looked, len(names)


def source_of(model: Model, provenance: str) -> str:
    """The text of `learned.py`."""
    operators = {name: round(value, 2) for name, value in sorted(model.operators.items())}
    weights = {name: round(w, 3) for name, w in zip(FEATURE_NAMES, model.weights, strict=True)}
    lines = [f'"""{provenance}"""', ""]
    lines += ["# Added to the log share of an operator.", *_dict("OPERATORS", operators)]
    lines += [
        "# What each feature is worth (`features.FEATURE_NAMES`).",
        *_dict("WEIGHTS", weights),
    ]
    return "\n".join(lines) + "\n"


def _dict(name: str, values: dict[str, float]) -> list[str]:
    rows = [f'    "{key}": {value},' for key, value in values.items()]
    return [f"{name}: dict[str, float] = {{", *rows, "}"]


def compare(fixes: Sequence[Fix]) -> None:
    """Print the figures of the held-out repositories, and of each quarter held out in turn."""
    names = sorted({fix.repository for fix in fixes})
    by_fold: list[tuple[list[int], list[int]]] = []
    for fold in range(4):
        held = set(names[fold::4])
        test = [fix for fix in fixes if fix.repository in held]
        model = fit([fix for fix in fixes if fix.repository not in held])
        by_fold.append((ranks(test, Model()), ranks(test, model)))
    everything = [[r for pair in by_fold for r in pair[which]] for which in (0, 1)]
    last = by_fold[-1]
    rows = [
        ("held out, literature", *figures(last[0])),
        ("held out, learned", *figures(last[1])),
        ("each quarter in turn, literature", *figures(everything[0])),
        ("each quarter in turn, learned", *figures(everything[1])),
    ]
    header = ("set", "fixes", "median rank", "mean 1/rank", *(f"top {top}" for top in TOPS))
    say(f"held out: {', '.join(sorted(held))}")
    say(table(header, rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--records", type=Path, required=True, help="where records are kept")
    parser.add_argument("--most", type=int, default=400, help="commits looked at a repository")
    parser.add_argument("--seconds", type=float, default=900.0, help="for all repositories")
    parser.add_argument("--write", action="store_true", help="fit on all, write learned.py")
    chosen = parser.parse_args()
    gather(chosen.checkouts, chosen.records, chosen.most, chosen.seconds)
    fixes, looked, repositories = load(chosen.records)
    if len({fix.repository for fix in fixes}) < 4:
        sys.exit(f"fixes of four repositories or more are needed; {chosen.records} has fewer")
    compare(fixes)
    if chosen.write:
        provenance = (
            "Numbers of the prior, written by `benchmarks.learn_prior`: do not edit.\n\n"
            f"Fitted on {datetime.datetime.now(datetime.UTC).date()} to {len(fixes)} fixes that "
            f"are one edit, of {looked} commits\nlooked at in {repositories} public repositories, "
            "none of which the product is measured on.\n"
        )
        Path(learned_weights.__file__).write_text(
            source_of(fit(fixes), provenance), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
