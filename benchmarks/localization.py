"""How often the developers' changed line is among the first 1, 5 and 10 suspicious places.

BUGS and CHECKOUTS are those of `benchmarks.real_bugs`. Three rankings of the same bugs: that of
`repair localize`; the coverage-only Ochiai value of the same places; and FauxPy's Ochiai, where
--fauxpy names an interpreter that has FauxPy and what the tests import. A place counts when it is
a line that the fix changes or deletes; where the fix only adds lines, the line before or after; a
statement of several lines (`last_line`) where one of them is. Equal scores share the mean of their
places.

    python -m benchmarks.localization bugs.jsonl ~/clones --sample 20
    python -m venv fauxpy && fauxpy/bin/pip install fauxpy 'pytest<8' hypothesis freezegun
    python -m benchmarks.localization bugs.jsonl ~/clones --fauxpy fauxpy/bin/python

Exit code 0 when every bug was measured, 1 when `repair localize` gave no ranking for one, 2 for
a bad argument.
"""

from __future__ import annotations

import argparse
import csv
import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from benchmarks.history import (
    Bug,
    History,
    commit_all,
    export_case,
    find_git_dir,
    import_root,
    read_bugs,
)
from benchmarks.product import ask
from benchmarks.real_bugs import Case, chosen
from benchmarks.reporting import (
    ROOT,
    Journal,
    Record,
    conditions,
    every_nth,
    git_commit,
    say,
    table,
    write_result,
)

Place = tuple[str, int]
TOPS = (1, 5, 10)
WAYS = ("repair", "ochiai", "fauxpy")
FAUXPY_SECONDS = 600.0


def changed_lines(before: bytes, after: bytes) -> set[int]:
    """Return the lines (from 1) of `before` that a fix changes, or that stand next to what it adds.

    Blank lines and comments cannot be executed and count only where nothing else is left: of a fix
    that rewords a comment and adds a line, the lines beside the added one are returned.
    """
    old, new = (content.decode("utf-8").splitlines() for content in (before, after))
    changed: set[int] = set()
    beside: set[int] = set()
    for kind, first, end, _, _ in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if kind in ("replace", "delete"):
            changed |= set(range(first + 1, end + 1))
        elif kind == "insert":
            beside |= {first, first + 1} & set(range(1, len(old) + 1))
    code = {line for line, text in enumerate(old, 1) if _is_code(text)}
    executable = [changed & code, beside & code]
    return next(filter(None, [*executable, changed, beside]), set())


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def rank(scores: Mapping[Place, float], wanted: Collection[Place]) -> float | None:
    """Return the best place (from 1) of a wanted line; ties share the mean of their places."""
    found = [scores[place] for place in wanted if place in scores]
    if not found:
        return None
    best = max(found)
    above = sum(score > best for score in scores.values())
    level = sum(score == best for score in scores.values())
    return above + (level + 1) / 2


def by_product(bug: Bug, folder: Path, python: str, options: argparse.Namespace) -> Record:
    """Ask `repair localize` for its whole ranking; its order is its answer, without ties."""
    answer = ask(
        [
            *("localize", str(folder), "--json", "--sandbox", options.sandbox),
            *("--top", "100000", "--python", python),
            *(word for test in bug.f2p for word in ("--only", test)),
        ],
        limit_seconds=options.max_seconds,
    )
    places = answer.record.get("places") or []
    return {
        "exit_code": answer.exit_code,
        "seconds": answer.wall_seconds,
        "places": [
            (place["path"], place["line"], place["ochiai"], place.get("last_line", 0))
            for place in places
        ],
        "stderr_tail": "" if places else answer.stderr_tail[-500:],
        "reason": answer.record.get("reason"),
    }


def by_fauxpy(bug: Bug, folder: Path, python: Path) -> Record:
    """Run FauxPy's statement-level spectrum on the test files; read its Ochiai table."""
    source = Path(bug.src).parts[0] if len(Path(bug.src).parts) > 1 else bug.src
    started = time.monotonic()
    try:
        ended = subprocess.run(
            [
                *(str(python), "-m", "pytest", "-q", *bug.test_files),
                *("--src", source, "--family", "sbfl", "--granularity", "statement"),
                *("--failing-list", f"[{','.join(bug.f2p)}]"),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(folder / import_root(bug, folder))},
            capture_output=True,
            text=True,
            timeout=FAUXPY_SECONDS,
            check=False,
        )
        tail = ended.stdout[-300:] + ended.stderr[-300:]
    except subprocess.TimeoutExpired:
        tail = f"over {FAUXPY_SECONDS:g} s"
    scores: dict[str, float] = {}
    for report in folder.parent.glob("FauxPyReport*/Scores_Ochiai.csv"):
        with report.open(newline="") as file:
            scores |= {row["Entity"]: float(row["Score"]) for row in csv.DictReader(file)}
    for report in folder.parent.glob("FauxPyReport*"):
        shutil.rmtree(report)
    places = [(*_place(entity, folder), score) for entity, score in scores.items()]
    seconds = time.monotonic() - started
    return {"seconds": seconds, "places": places, "error": "" if places else tail}


def _place(entity: str, folder: Path) -> Place:
    path, _, line = entity.rpartition("::")
    return os.path.relpath(path, folder), int(line)


def measure(bug: Bug, options: argparse.Namespace) -> Record:
    """Return the rank of the developers' line in each ranking."""
    history = History(find_git_dir(options.checkouts, bug.repo))
    before, after = (history.show(commit, bug.src) or b"" for commit in (bug.parent, bug.fix))
    wanted = {(bug.src, line) for line in changed_lines(before, after)}
    home = options.workdir / "localization" / bug.slug
    folder = export_case(bug, history, home / bug.repo.partition("/")[2])
    commit_all(folder)
    record: Record = {
        "index": bug.index,
        "repo": bug.repo,
        "fix": bug.fix,
        "wanted": sorted(line for _, line in wanted),
    }
    case = Case(bug, options)
    ours = by_product(bug, folder, case.target_python, options)
    shutil.rmtree(case.folder)
    places = ours.pop("places")
    order = {(path, line): -float(at) for at, (path, line, *_) in enumerate(places)}
    ochiai = {(path, line): value for path, line, value, _ in places}
    covering = {
        (path, line)
        for path, line, _, last in places
        if any((path, number) in wanted for number in range(line, max(line, last) + 1))
    }
    record |= {
        "product": {**ours, "places": len(places)},
        "repair": rank(order, covering),
        "ochiai": rank(ochiai, covering),
    }
    if options.fauxpy:
        peer = by_fauxpy(bug, folder, options.fauxpy)
        scores = {(path, line): value for path, line, value in peer.pop("places")}
        record |= {"peer": {**peer, "places": len(scores)}, "fauxpy": rank(scores, wanted)}
    shutil.rmtree(home)
    return record


def figures(records: list[Record]) -> Record:
    """Return, for each ranking, how many bugs have their line in the first 1, 5 and 10."""
    found: Record = {"bugs": len(records)}
    for way in WAYS:
        asked = [record[way] for record in records if way in record]
        if asked:
            found[way] = {
                **{f"top {top}": sum(r is not None and r <= top for r in asked) for top in TOPS},
                "ranked at all": sum(r is not None for r in asked),
                "of": len(asked),
            }
    found["without ranking"] = sum(not record["product"]["places"] for record in records)
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.localization",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bugs", type=Path, help="list of bugs, JSON lines")
    parser.add_argument("checkouts", type=Path, help="folder with a clone of each repository")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument(
        "--python",
        default="3.11,3.9",
        metavar="X.Y,…",
        help="Pythons to try, first that shows the bug",
    )
    parser.add_argument("--max-seconds", type=float, default=300.0, help="limit for each bug")
    parser.add_argument("--fauxpy", type=Path, help="interpreter that has FauxPy")
    parser.add_argument("--sample", type=int, metavar="K", help="every n-th bug, K in all")
    parser.add_argument("--repo", action="append", metavar="OWNER/NAME")
    parser.add_argument("--only-index", action="append", type=int, metavar="I")
    parser.add_argument("--fresh", action="store_true", help="forget an interrupted run")
    parser.add_argument(
        "--workdir", type=Path, default=Path(tempfile.gettempdir()) / "repair-benchmarks"
    )
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    for path in (options.bugs, options.checkouts, *filter(None, [options.fauxpy])):
        if not path.exists():
            parser.error(f"there is no {path}")
    options.checkouts = options.checkouts.resolve()
    options.workdir = options.workdir.resolve()
    # Not resolved: a virtual environment is known by the path of its own link.
    options.fauxpy = options.fauxpy and options.fauxpy.absolute()
    return options


def main() -> int:
    options = arguments()
    setting = {
        "benchmark": "localization",
        "sandbox": options.sandbox,
        "target_python": options.python,
        "fauxpy": bool(options.fauxpy),
        "product_commit": git_commit(ROOT),
    }
    stated = conditions(**setting, sample=options.sample, repos=options.repo)
    journal = Journal(options.workdir / "localization.jsonl")
    done = {record["index"]: record for record in journal.open(setting, fresh=options.fresh)}
    bugs = chosen(read_bugs(options.bugs), options)
    if options.sample:
        bugs = [bugs[place] for place in every_nth(len(bugs), options.sample)]
    for count, bug in enumerate(bugs, 1):
        if bug.index not in done:
            done[bug.index] = measure(bug, options)
            journal.append(done[bug.index])
            ranks = {way: done[bug.index].get(way) for way in WAYS}
            say(f"[{count}/{len(bugs)}] {bug.label}: {ranks}")
    records = [done[bug.index] for bug in bugs]
    rows = [(f"{r['index']} {r['repo']}", *(r.get(way) for way in WAYS)) for r in records]
    say(table(("bug, rank of its line", *WAYS), rows))
    counted = figures(records)
    say(json.dumps(counted, indent=1))
    if options.output:
        write_result(options.output, {"conditions": stated, "figures": counted, "cases": records})
    return 1 if counted["without ranking"] else 0


if __name__ == "__main__":
    sys.exit(main())
