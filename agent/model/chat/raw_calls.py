"""A tool call before its values are typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agent.model.base import Tool


@dataclass(frozen=True, kw_only=True)
class RawCall:
    """A call as it was written: values are text, or JSON values where it came as JSON."""

    name: str
    values: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Text, tool calls and format errors that one parser read from an answer."""

    content: str
    calls: tuple[RawCall, ...] = ()
    errors: tuple[str, ...] = ()
    """One sentence for the model per call that could not be read."""


def known_parameters(tool: Tool) -> Mapping[str, Mapping[str, object]]:
    """Name → schema of the tool's parameters."""
    properties = tool.parameters.get("properties")
    if not isinstance(properties, Mapping):
        return {}
    return {str(k): v if isinstance(v, Mapping) else {} for k, v in properties.items()}
