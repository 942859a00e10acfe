"""Frozen records ⇄ plain JSON types, for checkpoints and result files.

Checkpoints hold nothing but JSON types: a checkpoint that may name classes to build has
executed code on load (CVE-2025-64439 in langgraph-checkpoint).
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def plain(record: object) -> Any:
    """Return the record as dicts, lists, strings and numbers."""
    kind: Any = type(record)
    return _adapter(kind).dump_python(record, mode="json")


def restore(kind: type[T], value: Any) -> T:
    """Rebuild a record made by `plain`. Raises pydantic.ValidationError on anything else."""
    record_kind: Any = kind
    record: T = _adapter(record_kind).validate_python(value)
    return record
