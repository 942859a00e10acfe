"""`bash`: one independent command in the sandbox, offline, with a time-out."""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.base import Tool
from agent.proposers.agentic.tools.working_copy import WorkingTree
from sandbox.base import CommandResult

DEFAULT_COMMAND_SECONDS = 60.0
MAX_COMMAND_SECONDS = 600.0

_WITH_PATH = 'export PATH="$1:$PATH"; exec bash -c "$2"'

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
    timeout = arguments.get("timeout")
    requested_seconds = (
        float(timeout)
        if isinstance(timeout, int | float) and timeout > 0
        else DEFAULT_COMMAND_SECONDS
    )
    seconds = max(1.0, min(requested_seconds, MAX_COMMAND_SECONDS, seconds_left))
    # The command is the whole script, so that its errors count lines as the model does.
    argv = ["bash", "-c", _WITH_PATH, "bash", tree.programs, command]
    result = tree.session.run(argv, timeout_seconds=seconds, env=tree.variables)
    tree.rescan()
    return _result_text(result, seconds)


def _result_text(result: CommandResult, seconds: float) -> str:
    parts = [result.stdout.rstrip("\n")] if result.stdout.strip() else []
    if result.stderr.strip():
        parts.append(
            f"[stderr]\n{result.stderr.rstrip(chr(10))}" if parts else result.stderr.rstrip()
        )
    if result.timed_out:
        parts.append(f"[killed: it ran longer than {seconds:g} seconds]")
    elif result.out_of_memory:
        parts.append("[killed: it needed more memory than there is]")
    elif result.exit_code:
        parts.append(f"[exit code {result.exit_code}]")
    return "\n".join(parts) or "[no output, exit code 0]"
