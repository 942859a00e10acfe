"""How long the command takes to start: processor and wall seconds of commands that do no repair.

Each is started as a user does, in a process of its own, in turns within one run. The state folder
is empty, so that `list` has nothing to read. Before that each is started once to count the modules
it imports; the files are in the system's cache from then on.

    python -m benchmarks.start_of_command --starts 20

Exit code 0 when all was measured, 1 when a command failed, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.reporting import ROOT, conditions, say, table, write_result

COMMANDS = ("--version", "--help", "list")
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
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if options.starts < 1:
        print(f"--starts {options.starts} measures nothing")
        return 2
    measured: dict[str, list[tuple[float, float]]] = {command: [] for command in COMMANDS}
    facts = conditions(starts=options.starts)
    with tempfile.TemporaryDirectory() as scratch:
        variables = {**os.environ, "REPAIR_STATE_DIR": scratch}
        try:
            imported = {command: modules(command, variables) for command in COMMANDS}
            for _ in range(options.starts):
                for command in COMMANDS:
                    measured[command].append(start(command, variables))
        except Failed as error:
            print(error)
            return 1
    rows = {command: figures(imported[command], measured[command]) for command in COMMANDS}
    say(
        table(
            ("", *rows["--help"]), [(f"repair {name}", *row.values()) for name, row in rows.items()]
        )
    )
    if options.output:
        write_result(options.output, {"conditions": facts, "commands": rows})
    return 0


if __name__ == "__main__":
    sys.exit(main())
