"""The Qwen call format written out by hand, to compare the template and the parser with."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agent.model.base import Tool, ToolCall

EDITOR = Tool(
    name="str_replace_editor",
    description="Edit files.",
    parameters={
        "type": "object",
        "properties": {
            "command": {"type": "string", "enum": ["view", "create", "str_replace", "insert"]},
            "path": {"type": "string"},
            "old_str": {"type": "string"},
            "new_str": {"type": "string"},
            "insert_line": {"type": "integer"},
            "view_range": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["command", "path"],
    },
)
BASH = Tool(
    name="bash",
    description="Run a command.",
    parameters={
        "type": "object",
        "properties": {"command": {"type": "string"}, "restart": {"type": "boolean"}},
        "required": ["command"],
    },
)
SUBMIT = Tool(
    name="submit", description="Hand it in.", parameters={"type": "object", "properties": {}}
)
TOOLS = (EDITOR, BASH, SUBMIT)


def render_calls(calls: Sequence[ToolCall]) -> str:
    """The calls as the chat template writes them."""
    return "\n".join(_render_call(call) for call in calls)


def _render_call(call: ToolCall) -> str:
    lines = ["<tool_call>", f"<function={call.name}>"]
    for key, value in call.arguments.items():
        text = value if isinstance(value, str) else json.dumps(value)
        lines += [f"<parameter={key}>", text, "</parameter>"]
    return "\n".join([*lines, "</function>", "</tool_call>"])
