"""Turns and prompts of replayed cases beside mini-swe-agent's, with the same edits.

WORKDIR is that of `benchmarks.replay --keep`. Ours is what the kept trajectories say. The peer's is
its own loop with its own templates on the same look, edits, tests and outputs, by shell commands:
nothing is executed, and it reads nothing more, although its task shows it neither the tests nor the
functions. So its figures are the least that it can do with. It makes, checks and hands in its
patch as its instructions say. Prompts are counted in characters, over all turns, with the tools'
descriptions.

    python -m benchmarks.replay_prompts ~/work --peer-python ~/mini/bin/python --output prompts.json

Exit code 0 when all were counted, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any

from agent.proposers.agentic.actions import CHOOSE, TOOLS
from agent.runs.trajectory import Step, read_trajectory
from benchmarks.mini_process import ask_mini
from benchmarks.reporting import Record, conditions, rounded, say, table, write_result

LOOK = "bash"
EDIT = "str_replace_editor"
HEADING = "## Failing tests"


def ours(steps: list[Step]) -> Record:
    """Turns of the model and characters of all its prompts together."""
    tools = sum(len(json.dumps([t.name, t.description, t.parameters])) for t in (*TOOLS, CHOOSE))
    said = turns = characters = 0
    for step in steps:
        if step.kind == "answer":
            turns += 1
            characters += tools + said
            said += len(step.text) + sum(len(json.dumps(call["arguments"])) for call in step.calls)
        elif step.kind in ("task", "tool"):
            said += len(step.text)
    return {"turns": turns, "characters": characters}


def script(steps: list[Step]) -> Record:
    """The same case as the peer is given it."""
    task = next(step.text for step in steps if step.kind == "task" and HEADING in step.text)
    failing = task[task.index(HEADING) :].partition("\n## ")[0]
    patch = next(step.text for step in steps if step.kind == "patch")
    calls = [call for step in steps if step.kind == "answer" for call in step.calls]
    told = [step.text for step in steps if step.kind == "tool"]
    peer: list[list[str]] = []
    for call, output in zip(calls, told, strict=False):
        arguments: dict[str, Any] = call["arguments"]
        if call["name"] == LOOK:
            peer.append([arguments["command"], output])
        elif call["name"] == EDIT:
            peer.append([_by_python(arguments), ""])
        else:
            peer.append(["python -m pytest -q", output])
    peer += [["git diff > patch.txt", ""], ["cat patch.txt", patch]]
    return {"task": f"These tests fail.\n\n{failing}", "steps": peer}


def _by_python(edit: dict[str, Any]) -> str:
    """The edit as a shell command that replaces a text."""
    path, old, new = edit["path"], edit["old_str"], edit["new_str"]
    return (
        "python - <<'END'\nfrom pathlib import Path\n"
        f"path = Path({path!r})\nold = '''{old}'''\nnew = '''{new}'''\n"
        "path.write_text(path.read_text().replace(old, new, 1))\nEND"
    )


def peers(python: Path, scripts: list[Record]) -> Record:
    answer: Record = ask_mini(python, "peer_mini_prompts.py", scripts)
    return answer


def kept(workdir: Path) -> dict[str, list[Step]]:
    """Case → the steps of the conversation that repairs it, without one that writes a test."""
    found = {}
    for path in sorted(workdir.glob("replay/*/state/runs/*/trajectory.jsonl")):
        steps = [step for step in read_trajectory(path) if step.conversation == "model"]
        if any(HEADING in step.text for step in steps) and steps[-1].kind == "ending":
            found[path.relative_to(workdir).parts[1]] = steps
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workdir", type=Path)
    parser.add_argument("--peer-python", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    cases = kept(options.workdir)
    if not cases or not options.peer_python.exists():
        print(f"{options.workdir} holds no kept case, or there is no {options.peer_python}")
        return 2
    answer = peers(options.peer_python, [script(steps) for steps in cases.values()])
    rows: list[Record] = [
        {"case": name, "repair": ours(steps), "mini-swe-agent": theirs}
        for (name, steps), theirs in zip(cases.items(), answer["rows"], strict=True)
    ]
    figures = {
        f"{kind} of ours / of theirs, median": rounded(
            statistics.median(row["repair"][kind] / row["mini-swe-agent"][kind] for row in rows)
        )
        for kind in ("turns", "characters")
    }
    lines = [
        (row["case"], *(row[who][kind] for kind in ("turns", "characters") for who in WHO))
        for row in rows
    ]
    say(table(("case", "turns", "its turns", "characters", "its characters"), lines))
    say(json.dumps(figures, indent=1))
    if options.output:
        stated = conditions(mini_swe_agent=answer["version"])
        write_result(options.output, {"conditions": stated, "figures": figures, "cases": rows})
    return 0


WHO = ("repair", "mini-swe-agent")

if __name__ == "__main__":
    sys.exit(main())
