"""What a turn costs besides the model: the product's tool loop beside mini-swe-agent's.

Both run the same scripted commands in containers of the same image, in turns within one run. A
turn lasts from one question to the model to the next; answering takes no time, so a turn is the
harness (parsing, state, checkpoint, sandbox) and the command itself.

    python -m venv ~/mini && ~/mini/bin/pip install mini-swe-agent
    python -m benchmarks.turn_overhead --peer-python ~/mini/bin/python --image repair-base:bookworm

Exit code 0 when both were measured, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from agent.config import Settings
from agent.events import Event, Progress
from agent.records import Budget, RepairJob
from agent.run import start
from agent.runs.folder import new_run_id
from benchmarks.mini_process import ask_mini
from benchmarks.reporting import conditions, rounded, say, table, write_result

TURNS = 40
PROJECT = {
    "sums.py": "def total(items):\n    raise NotImplementedError\n",
    "test_sums.py": "from sums import total\n\n\ndef test_total():\n    assert total([1]) == 1\n",
}


def commands() -> list[str]:
    """Short commands, no two alike."""
    return [f"echo turn {number}; ls /usr/lib | head -{number}" for number in range(1, TURNS + 1)]


def ours(folder: Path, cache: Path, image: str) -> list[float]:
    """Seconds of each turn of a whole repair whose model runs the commands."""
    target = folder / "sums"
    target.mkdir()
    for name, text in PROJECT.items():
        (target / name).write_text(text, encoding="utf-8")
    script = folder / "script.jsonl"
    calls = [{"name": "bash", "arguments": {"command": command}} for command in commands()]
    lines = (json.dumps({"content": "", "tool_calls": [call]}) for call in calls)
    script.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    asked: list[float] = []

    def listen(event: Event) -> None:
        if isinstance(event, Progress) and event.text.endswith(", generating"):
            asked.append(time.perf_counter())

    job = RepairJob(
        run_id=new_run_id(),
        target=str(target),
        sandbox="docker",
        budget=Budget(max_seconds=300.0, max_turns=TURNS + 1, max_candidates=0),
        model=f"scripted:{script}",
    )
    settings = Settings(state_dir=folder / "state", cache_dir=cache, docker_image=image)
    start(job, settings, listen, threading.Event())
    return [after - before for before, after in itertools.pairwise(asked)]


def peer(python: Path, image: str) -> tuple[str, list[float]]:
    """Version and seconds of each turn of mini-swe-agent."""
    answer = ask_mini(python, "peer_mini.py", {"image": image, "commands": commands()})
    return answer["version"], answer["seconds"]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--image", default="repair-base:bookworm")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if not options.peer_python.exists():
        print(f"there is no {options.peer_python}")
        return 2
    seconds: dict[str, list[float]] = {"repair": [], "mini-swe-agent": []}
    version = ""
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(options.rounds):
            folder = Path(scratch) / str(number)
            folder.mkdir()
            seconds["repair"] += ours(folder, Path(scratch) / "cache", options.image)
            version, theirs = peer(options.peer_python, options.image)
            seconds["mini-swe-agent"] += theirs
            say(f"round {number + 1} of {options.rounds} done")
    rows = {name: figures(measured) for name, measured in seconds.items()}
    share = rows["repair"]["median_ms"] / rows["mini-swe-agent"]["median_ms"]
    say(table(("", *rows["repair"]), [(name, *row.values()) for name, row in rows.items()]))
    say(f"median of ours / median of theirs: {share:.2f}")
    if options.output:
        facts = conditions(image=options.image, rounds=options.rounds, mini_swe_agent=version)
        result = {"conditions": facts, "turns": rows, "share_of_median": rounded(share)}
        write_result(options.output, result)
    return 0


def figures(seconds: list[float]) -> dict[str, float]:
    """Milliseconds a turn."""
    ordered = sorted(1000 * value for value in seconds)
    return {
        "turns": len(ordered),
        "median_ms": round(statistics.median(ordered), 1),
        "p10_ms": round(ordered[len(ordered) // 10], 1),
        "p90_ms": round(ordered[len(ordered) * 9 // 10], 1),
    }


if __name__ == "__main__":
    sys.exit(main())
