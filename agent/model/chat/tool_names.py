"""Which tool and which parameter was meant, where the model used a name it learnt elsewhere.

The same few tools have other names in the programs this family of models was trained with. A
name is taken for another only where the tool offered has no parameter, and the set no tool, of the
name that was written: then nothing else can be meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agent.model.base import Tool
from agent.model.chat.raw_calls import RawCall, known_parameters

_TOOLS: Mapping[str, str] = {
    "execute_bash": "bash",
    "run_shell_command": "bash",
    "shell": "bash",
    "str_replace_based_edit_tool": "str_replace_editor",
}
_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "cmd": ("command",),
    "file_path": ("path",),
    "filename": ("path",),
    "old_string": ("old_str",),
    "new_string": ("new_str",),
    "insert_text": ("new_str",),
    "content": ("file_text",),
}
"""Name that was written → names that it may stand for."""


def tool_named(name: str, tools: Sequence[Tool]) -> Tool | None:
    """The tool that `name` stands for; None where that is not certain."""
    exact = next((tool for tool in tools if tool.name == name), None)
    if exact is not None:
        return exact
    if name in _TOOLS:
        return next((tool for tool in tools if tool.name == _TOOLS[name]), None)
    owners = [tool for tool in tools if _choosing(tool, name) is not None]
    return owners[0] if len(owners) == 1 else None


def parameter_named(key: str, tool: Tool) -> str:
    """The parameter of `tool` that `key` stands for; `key` itself where that is not certain."""
    parameters = known_parameters(tool)
    if key in parameters:
        return key
    return next((name for name in _PARAMETERS.get(key, ()) if name in parameters), key)


def in_known_names(call: RawCall, tools: Sequence[Tool]) -> RawCall:
    """The call with the names of `tools`; as it is where no tool is meant.

    A call of `view`, where one tool has a required parameter that may be `view`, is a call of that.
    """
    tool = tool_named(call.name, tools)
    if tool is None:
        return call
    values: dict[str, object] = {}
    for key, value in call.values.items():
        name = parameter_named(key, tool)
        values[key if name in call.values or name in values else name] = value
    parameter = _choosing(tool, call.name)
    if call.name != tool.name and parameter is not None and parameter not in values:
        values = {parameter: call.name, **values}
    return RawCall(name=tool.name, values=values)


def _choosing(tool: Tool, word: str) -> str | None:
    """The required parameter of `tool` that has `word` among its allowed values."""
    requirements = tool.parameters.get("required")
    for key, schema in known_parameters(tool).items():
        options = schema.get("enum")
        is_required = isinstance(requirements, list | tuple) and key in requirements
        if is_required and isinstance(options, list) and word in options:
            return key
    return None
