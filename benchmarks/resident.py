"""Candidates a second in JavaScript: in a process that stays, and each in processes of its own.

For each CHECKOUT of a JavaScript project with a failing test: edits of the lines that the product
suspects, the same for both ways and one worker each. The outcomes are compared, too: how many
candidates the two ways judge differently.

    python -m benchmarks.resident ~/validator.js ~/express --candidates 100 --output resident.json

Exit code 0 when all was measured, 1 when a project had no failing test or could not be prepared.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from agent.baseline.baseline import take_baseline
from agent.baseline.failures.by_language.javascript_causes import JavaScriptCauses
from agent.localization.loaded_files import lines_of_failures
from agent.localization.loads import javascript_loads
from agent.proposers.search.failed_operators import FailedOperators
from agent.proposers.search.search_setup import representatives
from agent.proposers.search.token_edits.edits import token_frontier
from agent.proposers.search.token_edits.javascript import FAMILY
from agent.records import CandidatePatch
from agent.validation.test_outcomes import outcomes
from benchmarks.reporting import Record, conditions, say, table, write_result
from sandbox.base import Limits, Session
from sandbox.engines.choose import AnySandbox, choose
from sandbox.environments.build_settings import BuildSettings
from sandbox.evaluation.base import Evaluation
from sandbox.evaluation.rerun import RerunEvaluator, RerunSettings
from sandbox.languages.choose import language_of, understand
from sandbox.languages.javascript.detection.project import JavaScriptProject
from sandbox.languages.javascript.runners.runner import JavaScriptRunner
from sandbox.snapshots.checkout import resolve
from sandbox.snapshots.copying import take_snapshot

TEST_SECONDS = 5.0
RUN_SECONDS = 120.0


def measured(checkout: Path, sandbox: AnySandbox, count: int) -> Record:
    """Both ways on one project. Raises ValueError where there is nothing to measure."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = resolve(str(checkout), None, Path(scratch) / "checkout")
        snapshot = take_snapshot(tree, Path(scratch) / "snapshot")
        project = understand(snapshot)
        if not isinstance(project, JavaScriptProject):
            raise ValueError(f"{checkout} is no JavaScript project")  # noqa: TRY004
        language = language_of(project)
        built = language.prepare(sandbox, project, snapshot, say)
        runner = language.runner(project, built.environment)
        assert isinstance(runner, JavaScriptRunner)

        def open_session() -> Session:
            return sandbox.open(built.environment, built.source, Limits())

        evidence = take_baseline(
            open_session,
            runner,
            modules=(),
            is_test_path=project.is_test_path,
            causes=JavaScriptCauses(project.is_test_path, project.name),
        )
        if not evidence.failures:
            raise ValueError(f"no test of {checkout} fails")

        def source(path: str) -> str | None:
            is_source = project.is_source_path(path) and not project.is_test_path(path)
            return text(path) if is_source else None

        def text(path: str) -> str | None:
            return snapshot.text(path).text if path in snapshot.entries else None

        lines = lines_of_failures(
            tuple(evidence.failures.values()),
            snapshot.entries.keys(),
            source,
            text,
            javascript_loads,
            (),
        )
        frontier = token_frontier(FAMILY, lines, source, "", FailedOperators(lambda _event: None))
        candidates = [found[0] for found in itertools.islice(iter(frontier.pop, None), count)]
        first = representatives(evidence.failures, evidence.seconds)
        settings = RerunSettings(
            runner=runner,
            targets=first,
            regressions=(),
            timeout_seconds=RUN_SECONDS,
            read=snapshot.text,
            outcomes=partial(outcomes, containers=evidence.uncollected),
            first=first,
            test_seconds=TEST_SECONDS,
            resident=runner.resident,
        )
        stays = timed(lambda: RerunEvaluator(open_session, settings, 1), candidates)
        alone_settings = RerunSettings(**{**vars(settings), "resident": None})
        alone = timed(lambda: RerunEvaluator(open_session, alone_settings, 1), candidates)
    ends = [
        (stays[1][number].state, alone[1][number].state) for number in range(1, len(candidates) + 1)
    ]
    return {
        "project": checkout.name,
        "framework": project.framework.value,
        "candidates": len(candidates),
        "resident": dict(Counter(one.mode for one in stays[1].values())),
        "per_second": round(len(candidates) / stays[0], 2),
        "alone_per_second": round(len(candidates) / alone[0], 2),
        "times": round(alone[0] / stays[0], 1),
        "differ": [
            {"candidate": candidates[number].description, "resident": one, "alone": other}
            for number, (one, other) in enumerate(ends)
            if one != other
        ],
    }


def timed(
    begin: Callable[[], RerunEvaluator], candidates: Sequence[CandidatePatch]
) -> tuple[float, dict[int, Evaluation]]:
    """Seconds from the first candidate on, and the evaluations by number; the unchanged program,
    which every search asks first, is not counted."""
    evaluator = begin()
    found: dict[int, Evaluation] = {}
    try:
        evaluator.submit(0, ())
        while 0 not in found:
            found |= {one.number: one for one in evaluator.collect(1.0)}
        start_seconds = time.monotonic()
        for number, candidate in enumerate(candidates, 1):
            evaluator.submit(number, candidate.edits)
        while len(found) <= len(candidates):
            for one in evaluator.collect(1.0):
                found[one.number] = one
                seconds = time.monotonic() - start_seconds
                say(f"{seconds:6.1f} s {one.mode} {one.seconds:.3f} s: {one.state}")
        return time.monotonic() - start_seconds, found
    finally:
        evaluator.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.resident",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkouts", nargs="+", type=Path, metavar="CHECKOUT")
    parser.add_argument("--candidates", type=int, default=100, metavar="N")
    parser.add_argument("--sandbox", choices=("bubblewrap", "docker"), default="bubblewrap")
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="keep environments here")
    parser.add_argument("--output", type=Path, metavar="FILE")
    options = parser.parse_args()
    record = conditions(sandbox=options.sandbox)
    projects: list[Record] = []
    with tempfile.TemporaryDirectory() as scratch:
        cache = options.cache or Path(scratch)
        sandbox = choose(options.sandbox, BuildSettings(cache_dir=cache))
        for checkout in options.checkouts:
            try:
                projects.append(measured(checkout, sandbox, options.candidates))
            except ValueError as error:
                say(f"{error}")
                continue
            one = projects[-1]
            say(
                f"{one['project']}: {one['per_second']} a second, {one['alone_per_second']} alone, "
                f"{one['times']} times; {len(one['differ'])} judged differently"
            )
    say(
        table(
            ("project", "runs in", "a second", "alone", "times", "differ"),
            [
                (
                    one["project"],
                    one["framework"],
                    one["per_second"],
                    one["alone_per_second"],
                    one["times"],
                    len(one["differ"]),
                )
                for one in projects
            ],
        )
    )
    if options.output:
        write_result(options.output, {**record, "projects": projects})
    return 0 if len(projects) == len(options.checkouts) else 1


if __name__ == "__main__":
    sys.exit(main())
