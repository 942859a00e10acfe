"""What `repair` costs where there is nothing to fix: next to plain `pytest` on the same project.

PROJECT is a folder whose tests all pass. *Cold*: no environment yet (for pytest: make a virtual
environment, install the project and pytest, run). *Warm*: the environment is there.

    python -m benchmarks.overhead ~/clones/more-itertools --runs 5
    python -m benchmarks.overhead ~/clones/sqlparse --sandbox docker --cold-runs 2

Exit code 0 when all was measured, 1 when a run did not end all green, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from docker.errors import ImageNotFound

from benchmarks.environment import plain_environment
from benchmarks.product import ask
from benchmarks.reporting import Record, conditions, git_commit, say, table, write_result
from sandbox.engines.docker.client import connect
from sandbox.engines.docker.images import ENVIRONMENT_REPOSITORY

LIMIT_SECONDS = 900.0


class NotGreen(Exception):
    """A run that should have found nothing to fix ended otherwise."""


def timed_repair(project: Path, home: Path, sandbox: str) -> Record:
    """Run `repair` with its cache and state in `home`."""
    answer = ask(
        [str(project), "--json", "--sandbox", sandbox, "--max-seconds", f"{LIMIT_SECONDS:g}"],
        limit_seconds=LIMIT_SECONDS,
        variables={
            "REPAIR_CACHE_DIR": str(home / "cache"),
            "REPAIR_STATE_DIR": str(home / "state"),
        },
    )
    status = answer.record.get("status")
    if answer.exit_code != 0 or status != "nothing_to_fix":
        raise NotGreen(
            f"repair ended with {answer.exit_code}, status {status}: "
            f"{answer.record.get('reason') or answer.stderr_tail[-500:]}"
        )
    return {"seconds": answer.wall_seconds, "stages": answer.record.get("seconds")}


def forget_environments(home: Path) -> None:
    """Remove the images of the environments that the runs in `home` used."""
    with contextlib.closing(connect(LIMIT_SECONDS)) as client:
        for path in (home / "state" / "runs").glob("*/result.json"):
            key = json.loads(path.read_text("utf-8"))["evidence"]["environment_key"]
            with contextlib.suppress(ImageNotFound):  # by an earlier run's result
                client.images.remove(f"{ENVIRONMENT_REPOSITORY}:{key}")


def make_environment(project: Path, folder: Path, packages: list[str]) -> Path:
    """Make a virtual environment with the project, pytest and `packages`."""
    copy = folder / "project"
    shutil.copytree(project, copy, symlinks=True)
    return plain_environment(folder / "venv", ["-e", str(copy), "pytest", *packages])


def timed_pytest(python: Path, folder: Path) -> Record:
    """Run plain pytest in the copy of the project beside the environment."""
    started = time.monotonic()
    ended = subprocess.run(
        [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=folder / "project",
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        check=False,
    )
    if ended.returncode:
        raise NotGreen(f"pytest ended with {ended.returncode}: {ended.stdout[-500:]}")
    return {"seconds": time.monotonic() - started}


def measure(options: argparse.Namespace, scratch: Path) -> dict[str, list[Record]]:
    """Alternate both, so that a busy moment does not fall on one of them alone."""
    runs: dict[str, list[Record]] = {
        name: [] for name in ("repair cold", "pytest cold", "repair warm", "pytest warm")
    }
    in_engine = options.sandbox == "docker"
    home = scratch
    if in_engine:  # whose images outlive the runs' folders; what their names are, a run says
        timed_repair(options.project, home, options.sandbox)
    for number in range(options.cold_runs):
        if in_engine:
            forget_environments(home)
        home = scratch / f"cold-{number}"
        home.mkdir()
        started = time.monotonic()
        python = make_environment(options.project, home, options.package or [])
        installed = time.monotonic() - started
        plain = timed_pytest(python, home)
        runs["pytest cold"].append({"seconds": installed + plain["seconds"]})
        runs["repair cold"].append(timed_repair(options.project, home, options.sandbox))
        say(f"cold {number + 1}/{options.cold_runs}: {last(runs)}")
    for number in range(options.runs):
        runs["pytest warm"].append(timed_pytest(python, home))
        runs["repair warm"].append(timed_repair(options.project, home, options.sandbox))
        say(f"warm {number + 1}/{options.runs}: {last(runs)}")
    return runs


def last(runs: dict[str, list[Record]]) -> str:
    return ", ".join(
        f"{name} {found[-1]['seconds']:.1f} s" for name, found in runs.items() if found
    )


def figures(runs: dict[str, list[Record]]) -> Record:
    """Return the medians, and what `repair` adds to plain pytest."""
    medians = {
        name: statistics.median(run["seconds"] for run in found) for name, found in runs.items()
    }
    found: Record = {f"{name} median seconds": round(value, 2) for name, value in medians.items()}
    for state in ("cold", "warm"):
        ours, plain = medians[f"repair {state}"], medians[f"pytest {state}"]
        found[f"{state} added seconds"] = round(ours - plain, 2)
        found[f"{state} times pytest"] = round(ours / plain, 2)
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", type=Path, help="a folder whose tests all pass")
    parser.add_argument("--sandbox", default="bubblewrap", choices=("bubblewrap", "docker"))
    parser.add_argument("--runs", type=int, default=5, help="warm runs of each")
    parser.add_argument("--cold-runs", type=int, default=3, help="cold runs of each")
    parser.add_argument("--package", action="append", help="what the tests need besides pytest")
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    options.project = options.project.resolve()
    if not options.project.is_dir():
        parser.error(f"there is no folder {options.project}")
    if min(options.runs, options.cold_runs) < 1:
        parser.error("--runs and --cold-runs are at least 1")
    return options


def main() -> int:
    options = arguments()
    stated = conditions(
        benchmark="overhead",
        project=options.project.name,
        project_commit=git_commit(options.project),
        sandbox=options.sandbox,
        runs=options.runs,
        cold_runs=options.cold_runs,
    )
    with tempfile.TemporaryDirectory(prefix="repair-overhead-") as scratch:
        try:
            runs = measure(options, Path(scratch))
        except NotGreen as error:
            say(f"not measured: {error}")
            return 1
    counted = figures(runs)
    say(
        table(
            ("run", "median, s", "all, s"),
            [
                (
                    name,
                    counted[f"{name} median seconds"],
                    " ".join(f"{run['seconds']:.2f}" for run in found),
                )
                for name, found in runs.items()
            ],
        )
    )
    say(json.dumps(counted, indent=1))
    if options.output:
        write_result(options.output, {"conditions": stated, "figures": counted, "runs": runs})
    return 0


if __name__ == "__main__":
    sys.exit(main())
