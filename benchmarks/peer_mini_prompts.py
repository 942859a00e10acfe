"""mini-swe-agent's loop on scripted commands with given outputs: what it sends to its model.

Runs on an interpreter of its own that has mini-swe-agent, and imports nothing of ours. Nothing is
executed: each command has the output that it is given. Standard input: a list of
`{"task": TEXT, "steps": [[COMMAND, OUTPUT], …]}`; standard output: turns and characters of each.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import minisweagent  # type: ignore[import-not-found]
import yaml
from minisweagent.agents.default import DefaultAgent  # type: ignore[import-not-found]
from minisweagent.exceptions import Submitted  # type: ignore[import-not-found]
from minisweagent.models.test_models import (  # type: ignore[import-not-found]
    DeterministicModel,
    make_output,
)
from minisweagent.models.utils.actions_toolcall import (  # type: ignore[import-not-found]
    BASH_TOOL,
)

LAST = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT && cat patch.txt"
CONFIG = Path(minisweagent.__file__).parent / "config" / "benchmarks" / "swebench.yaml"


class Weighed(DeterministicModel):  # type: ignore[misc]
    """Notes how much it is asked with."""

    def query(self, messages: list[dict[str, Any]], **more: Any) -> Any:
        tool = len(json.dumps(BASH_TOOL))
        ASKED.append(tool + sum(_length(message) for message in messages))
        return super().query(messages, **more)


class Given:
    """An environment that knows each output beforehand."""

    def __init__(self, steps: list[list[str]]) -> None:
        self._outputs = dict(steps)

    def execute(self, action: dict[str, str], *_: Any, **__: Any) -> dict[str, Any]:
        command = action["command"]
        if command == LAST:
            extra = {"exit_status": "Submitted", "submission": ""}
            raise Submitted({"role": "exit", "content": "", "extra": extra})
        return {"output": self._outputs[command], "returncode": 0, "exception_info": ""}

    def get_template_vars(self, **_: Any) -> dict[str, Any]:
        return {}

    def serialize(self) -> dict[str, Any]:
        return {}


ASKED: list[int] = []


def _length(message: dict[str, Any]) -> int:
    """Of what is said, and of the calls."""
    actions = message.get("extra", {}).get("actions", [])
    calls = sum(len(one["command"]) for one in actions)
    return len(str(message.get("content") or "")) + calls


def main() -> None:
    settings = yaml.safe_load(CONFIG.read_text())
    template = settings["model"]["observation_template"]
    rows = []
    for case in json.load(sys.stdin):
        ASKED.clear()
        commands = [*(command for command, _ in case["steps"]), LAST]
        outputs = [make_output("", [{"command": command}], 0.0) for command in commands]
        model = Weighed(outputs=outputs, cost_per_call=0.0, observation_template=template)
        agent = DefaultAgent(model, Given(case["steps"]), **settings["agent"])
        agent.run(case["task"])
        rows.append({"turns": len(ASKED), "characters": sum(ASKED)})
    print(json.dumps({"version": minisweagent.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
