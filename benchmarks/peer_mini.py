"""mini-swe-agent's loop on scripted commands: seconds of each turn, as JSON on stdout.

Runs on an interpreter of its own that has mini-swe-agent, and imports nothing of ours.
Standard input: `{"image": NAME, "commands": [...]}`.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from typing import Any

from minisweagent import __version__  # type: ignore[import-not-found]
from minisweagent.agents.default import DefaultAgent  # type: ignore[import-not-found]
from minisweagent.environments.docker import DockerEnvironment  # type: ignore[import-not-found]
from minisweagent.models.test_models import (  # type: ignore[import-not-found]
    DeterministicModel,
    make_output,
)


class Timed(DeterministicModel):  # type: ignore[misc]
    """Notes when it is asked: the time between two questions is the harness and the command."""

    def query(self, messages: list[dict[str, str]], **more: Any) -> Any:
        ASKED.append(time.perf_counter())
        return super().query(messages, **more)


ASKED: list[float] = []


def main() -> None:
    asked = json.load(sys.stdin)
    last = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
    outputs = [make_output("", [{"command": c}], 0.0) for c in (*asked["commands"], last)]
    environment = DockerEnvironment(
        image=asked["image"], cwd="/tmp", run_args=["--rm", "--network=none"]
    )
    try:
        agent = DefaultAgent(
            Timed(outputs=outputs, cost_per_call=0.0),
            environment,
            system_template="You repair programs.",
            instance_template="{{task}}",
        )
        agent.run("Look around.")
    finally:
        environment.cleanup()
    seconds = [after - before for before, after in itertools.pairwise(ASKED)]
    print(json.dumps({"version": __version__, "seconds": seconds}))


if __name__ == "__main__":
    main()
