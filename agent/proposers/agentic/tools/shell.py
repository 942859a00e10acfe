"""`bash`: one independent command in the sandbox, offline, with a time-out."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from agent.model.base import Tool
from agent.proposers.agentic.tools.working_copy import WorkingTree
from sandbox.base import CommandResult

DEFAULT_SECONDS = 60.0
MAX_SECONDS = 600.0

BASH = Tool(
    name="bash",
    description=(
        "Run a command with bash in the project's folder. Every command starts anew: no working "
        "directory, variable or background process is kept. There is no network."
    ),
    parameters={
        "type": "object",
        "properties": {
            "command": {"type": "string"},
            "timeout": {"type": "number", "description": "Seconds; default 60, at most 600."},
        },
        "required": ["command"],
    },
)


def run_bash(tree: WorkingTree, arguments: Mapping[str, object], seconds_left: float) -> str:
    """The command's output and how it ended."""
    command = str(arguments.get("command", ""))
    if not command.strip() or "\0" in command:
        return "Give a command."
    asked = arguments.get("timeout")
    wanted = float(asked) if isinstance(asked, int | float) and asked > 0 else DEFAULT_SECONDS
    seconds = max(1.0, min(wanted, MAX_SECONDS, seconds_left))
    # The project's own Python comes first, whatever the sandbox's PATH says.
    script = f'export PATH="{posixpath.dirname(tree.python)}:$PATH"\n{command}'
    done = tree.session.run(["bash", "-c", script], timeout_seconds=seconds)
    tree.rescan()
    return _told(done, seconds)


def _told(done: CommandResult, seconds: float) -> str:
    parts = [done.stdout.rstrip("\n")] if done.stdout.strip() else []
    if done.stderr.strip():
        parts.append(f"[stderr]\n{done.stderr.rstrip(chr(10))}" if parts else done.stderr.rstrip())
    if done.timed_out:
        parts.append(f"[killed: it ran longer than {seconds:g} seconds]")
    elif done.out_of_memory:
        parts.append("[killed: it needed more memory than there is]")
    elif done.exit_code:
        parts.append(f"[exit code {done.exit_code}]")
    return "\n".join(parts) or "[no output, exit code 0]"
