"""How long the command takes to start: processor and wall seconds of commands that do no repair,
and how long `repair REPO` takes until the first test of the repository begins.

Each is started as a user does, in a process of its own, in turns within one run. The state folder
is empty, so that `list` has nothing to read. Before that each is started once to count the modules
it imports; the files are in the system's cache from then on. REPO has one test, which passes and
whose name holds the time at which the sandbox imported it; its environment is built beforehand.
The processor seconds are those of sandboxed processes, too, where they are not Docker's.

    python -m benchmarks.start_of_command --starts 20 --sandbox bubblewrap

Exit code 0 when all was measured, 1 when a command failed, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.reporting import ROOT, conditions, say, table, write_result

COMMANDS = ("--version", "--help", "list")
REPO = "REPO"
TEST = """
import time

import pytest


@pytest.mark.parametrize("imported", [time.time()])
def test_it_passes(imported):
    assert imported
"""
COUNT_MODULES = """
import sys
from cli.main import main
code = main(sys.argv[1:])
print(len(sys.modules), file=sys.stderr)
sys.exit(code)
"""


class Failed(Exception):
    """A command did not end with exit code 0."""


def modules(command: str, variables: Mapping[str, str]) -> int:
    """Modules that are imported when the command has ended, Python's own among them."""
    ended = subprocess.run(
        [sys.executable, "-c", COUNT_MODULES, command],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        raise Failed(f"repair {command} ended with {ended.returncode}: {ended.stderr[-500:]}")
    return int(ended.stderr.splitlines()[-1])


def start(command: str, variables: Mapping[str, str]) -> tuple[float, float]:
    """Processor and wall seconds of one start, Python's own included."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", command],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"repair {command} ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime, wall


def repair(options: Sequence[str], variables: Mapping[str, str]) -> tuple[float, float, float]:
    """Processor and wall seconds of `repair REPO`, and wall seconds until its test was imported."""
    began, started = time.time(), time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *options, "--json"],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout as output:
        text = output.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Failed(f"repair {REPO} ended with {process.returncode}: {text[-500:]!r}")
    (test_id,) = json.loads(text)["result"]["baseline"]["passing"]
    imported = float(test_id.partition("[")[2].rstrip("]"))
    return usage.ru_utime + usage.ru_stime, wall, imported - began


def repository(folder: Path) -> Path:
    """REPO: one test that passes."""
    folder.mkdir()
    (folder / "test_time.py").write_text(TEST)
    return folder


def figures_of_repairs(repairs: list[tuple[float, float, float]]) -> dict[str, float]:
    """As `figures`, with the time of the first test."""
    rows = zip(("processor", "wall", "first_test"), zip(*repairs, strict=True), strict=True)
    milliseconds = {what: [1000 * value for value in column] for what, column in rows}
    return {"starts": len(repairs)} | {
        f"{what}_{name}_ms": round(measure(column))
        for what, column in milliseconds.items()
        for name, measure in (("median", statistics.median), ("min", min))
    }


def figures(imported: int, starts: list[tuple[float, float]]) -> dict[str, float]:
    """Medians and the least of each, in milliseconds."""
    processor, wall = ([1000 * value for value in column] for column in zip(*starts, strict=True))
    return {
        "starts": len(starts),
        "modules": imported,
        "processor_median_ms": round(statistics.median(processor)),
        "processor_min_ms": round(min(processor)),
        "wall_median_ms": round(statistics.median(wall)),
        "wall_min_ms": round(min(wall)),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=20, metavar="N", help="of each command")
    parser.add_argument("--sandbox", choices=("docker", "bubblewrap"), default="bubblewrap")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.starts < 1:
        print(f"--starts {options.starts} measures nothing")
        return 2
    measured: dict[str, list[tuple[float, float]]] = {command: [] for command in COMMANDS}
    repairs: list[tuple[float, float, float]] = []
    facts = conditions(starts=options.starts, sandbox=options.sandbox)
    with tempfile.TemporaryDirectory() as scratch:
        variables = {**os.environ, "REPAIR_STATE_DIR": f"{scratch}/empty"}
        of_repairs = {"REPAIR_STATE_DIR": f"{scratch}/runs", "REPAIR_CACHE_DIR": f"{scratch}/cache"}
        words = (str(repository(Path(scratch) / "repo")), "--sandbox", options.sandbox)
        try:
            imported = {command: modules(command, variables) for command in COMMANDS}
            repair(words, {**variables, **of_repairs})  # builds the environment
            for _ in range(options.starts):
                for command in COMMANDS:
                    measured[command].append(start(command, variables))
                repairs.append(repair(words, {**variables, **of_repairs}))
        except Failed as error:
            print(error)
            return 1
    rows = {command: figures(imported[command], measured[command]) for command in COMMANDS}
    say(
        table(
            ("", *rows["--help"]), [(f"repair {name}", *row.values()) for name, row in rows.items()]
        )
    )
    of_repo = figures_of_repairs(repairs)
    say(table(("", *of_repo), [(f"repair {REPO}", *of_repo.values())]))
    if options.output:
        write_result(options.output, {"conditions": facts, "commands": rows, "repair": of_repo})
    return 0


if __name__ == "__main__":
    sys.exit(main())
