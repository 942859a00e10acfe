"""Is anything left behind when `repair` is killed?

Starts the command again and again on a small project and kills it with SIGKILL at a random
moment: the command alone, or a sandbox of it first. Each start reaps what the one before left.
After the last kill comes one run that may end by itself; then containers, control groups,
processes, mounts and folders of these runs are counted. What belongs to others is never looked
at: owners are known by pid, folders lie in a temporary folder of the benchmark's own.

    python -m benchmarks.leaks examples/ledger --sandbox docker --runs 100
    python -m benchmarks.leaks examples/ledger --sandbox bubblewrap --runs 100 --seed 7

Exit code 0 when nothing is left, 1 when something is, 2 for a bad argument. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from docker.client import DockerClient

from benchmarks.product import command_path
from benchmarks.reporting import Record, conditions, say, write_result
from sandbox.engines.docker.labels import SESSION_LABEL
from sandbox.environments.store import EnvironmentStore
from sandbox.isolation.cgroup import group_parents
from sandbox.session.guest.limits import adopt_orphans, descendants
from sandbox.session.socket_channel import ENGINE_ERRORS

LIMIT_SECONDS = 300.0
SETTLE_SECONDS = 10.0
"""A guest ends when its input does; that is not at the same moment."""
EVERY_INSTALL = 10
"""One run in so many is killed while it builds an environment of its own."""


@dataclass
class Killer:
    """Starts and kills the command, and remembers what its processes could have left."""

    project: Path
    sandbox: str
    scratch: Path
    source: random.Random
    engine: DockerClient | None
    pids: set[int] = field(default_factory=set)
    roots: set[str] = field(default_factory=set)
    """Places where the file systems of its containers are mounted."""
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def temporary(self) -> Path:
        return self.scratch / "tmp"

    @property
    def _store(self) -> EnvironmentStore:
        return EnvironmentStore(self.scratch / "cache" / "environments")

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        self.temporary.mkdir(exist_ok=True)
        process = subprocess.Popen(
            [command_path(), str(self.project), "--json", "--sandbox", self.sandbox, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "REPAIR_CACHE_DIR": str(self.scratch / "cache"),
                "REPAIR_STATE_DIR": str(self.scratch / "state"),
                "TMPDIR": str(self.temporary),
            },
        )
        self.pids.add(process.pid)
        return process

    def undisturbed(self) -> tuple[int, float]:
        """Exit code and seconds of a run that ends by itself."""
        began = time.monotonic()
        code = self.start().wait(LIMIT_SECONDS)
        return code, time.monotonic() - began

    def one(self, number: int, usual_seconds: float) -> Record:
        """Start the command and kill it once; what was left a moment later."""
        builds = number % EVERY_INSTALL == EVERY_INSTALL - 1
        # The text is part of the environment's key: none like it is there yet.
        more = ["--install", f"python -m pip install pytest && : {number}"] if builds else []
        after = self.source.uniform(0.2, 3.0 if builds else usual_seconds)
        process = self.start(*more)
        ended = _wait(process, after)
        victim = "command"
        if ended is None and self.source.random() < 0.4:
            victim = self._kill_sandbox() or victim
            ended = _wait(process, self.source.uniform(0.0, 1.0))
        self._remember()
        process.kill()
        process.wait()
        how = victim if ended is None else f"none: it had ended with {ended}"
        self.kills[how.partition(":")[0]] += 1
        return {"after_seconds": round(after, 2), "killed": how, "installing": builds}

    def _kill_sandbox(self) -> str | None:
        if self.sandbox == "docker":
            running = [c for c in self.containers() if c.status == "running"]
            if running:
                with suppress(*ENGINE_ERRORS):
                    self.source.choice(running).kill()
                return "a container, then the command"
            return None
        below = sorted(set(descendants(os.getpid())) - self.pids)
        if below:
            with suppress(ProcessLookupError):
                os.kill(self.source.choice(below), signal.SIGKILL)
            return "a child, then the command"
        return None

    def _remember(self) -> None:
        for container in self.containers():
            self.roots.add(container.id)
            with suppress(*ENGINE_ERRORS):
                container.reload()
                # A container that is on its way out has no data any more.
                storage = container.attrs.get("GraphDriver") or {}
                merged = (storage.get("Data") or {}).get("MergedDir")
                self.roots |= {merged} if merged else set()

    def containers(self) -> list[Any]:
        """Those of our runs, in any state."""
        if self.engine is None:
            return []
        while True:
            try:
                found = self.engine.containers.list(all=True, filters={"label": SESSION_LABEL})
            except ENGINE_ERRORS:
                continue  # one went away while the list was made
            pids = set(map(str, self.pids))
            return [one for one in found if one.labels.get("repair.pid") in pids]

    def left(self) -> dict[str, list[str]]:
        """Everything of our runs that is there now."""
        _reap_children()
        names = tuple(f"repair-{pid}-" for pid in self.pids)
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        return {
            "containers": [str(one.name) for one in self.containers()],
            "control groups": [str(one) for one in _groups() if one.name.startswith(names)],
            "processes": [str(pid) for pid in descendants(os.getpid()) if _is_running(pid)],
            "mounts": [
                line
                for line in mounts
                if str(self.scratch) in line or any(root in line for root in self.roots)
            ],
            "folders": [str(one) for one in self.temporary.iterdir()],
            "unfinished environments": [str(root) for root, _ in self._store.unsealed()],
        }


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _groups() -> Iterator[Path]:
    for parent in set(group_parents().values()):
        yield from parent.rglob("repair-*")


def _reap_children() -> None:
    """Orphans come to us, so that they can be counted: bury those that are dead."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def settled(killer: Killer) -> dict[str, list[str]]:
    """What is left once everything has had time to end."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while any((left := killer.left()).values()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def run(options: argparse.Namespace, killer: Killer) -> Record:
    for _ in range(2):  # the first builds the environment
        code, usual = killer.undisturbed()
        if code not in (0, 1):
            sys.exit(f"repair ended with {code} where nobody killed it")
    say(f"undisturbed: {usual:.1f} s")
    records = []
    for number in range(options.runs):
        records.append(killer.one(number, usual))
        if number % 10 == 9:
            counted = {name: len(found) for name, found in killer.left().items()}
            say(f"{number + 1}/{options.runs}: {dict(killer.kills)}, before the reaper {counted}")
    before = settled(killer)
    code, _ = killer.undisturbed()
    left = settled(killer)
    return {
        "runs": len(records),
        "kills": dict(killer.kills),
        "usual_seconds": round(usual, 1),
        "left_by_the_last_kill": {name: len(found) for name, found in before.items()},
        "exit_code_of_the_last_run": code,
        "left": left,
        "left_in_all": sum(map(len, left.values())),
        "each": records,
    }


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.leaks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("project", type=Path, help="a small folder whose tests fail")
    parser.add_argument("--sandbox", default="docker", choices=("docker", "bubblewrap"))
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    stated = conditions(
        benchmark="leaks",
        project=options.project.name,
        sandbox=options.sandbox,
        runs=options.runs,
        seed=options.seed,
    )
    adopt_orphans()
    with ExitStack() as stack:
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="leaks-"))
        engine = options.sandbox == "docker"
        killer = Killer(
            project=options.project.resolve(),
            sandbox=options.sandbox,
            scratch=Path(scratch),
            source=random.Random(options.seed),
            engine=stack.enter_context(closing(DockerClient.from_env())) if engine else None,
        )
        found = run(options, killer)
    say(json.dumps({name: value for name, value in found.items() if name != "each"}, indent=1))
    if options.output:
        write_result(options.output, {"conditions": stated, "figures": found})
    return 1 if found["left_in_all"] else 0


if __name__ == "__main__":
    sys.exit(main())
