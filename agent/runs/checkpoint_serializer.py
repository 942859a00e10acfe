"""Checkpoints as JSON: reading one can build nothing but plain data.

LangGraph's own serializer builds the classes a checkpoint names, which has executed code on
load (CVE-2025-64439, CVE-2026-28277). The state of a repair is plain JSON types anyway.
"""

from __future__ import annotations

import json
from typing import Any

from agent.errors import CheckpointDamaged

SERIALIZED_KIND = "json"


class PlainSerializer:
    """Implements `langgraph.checkpoint.serde.base.SerializerProtocol`."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        # ASCII, so that file names of any bytes (lone surrogates) survive. `repr` is for the
        # error of a node that failed, which LangGraph records and nobody reads back.
        return SERIALIZED_KIND, json.dumps(obj, default=repr).encode("ascii")

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Raises CheckpointDamaged for anything this class did not write."""
        kind, payload = data
        if kind != SERIALIZED_KIND:
            raise CheckpointDamaged(f"it holds {str(kind)[:40]!r} where only plain data belongs")
        try:
            return json.loads(payload)
        except (ValueError, TypeError, RecursionError) as error:
            raise CheckpointDamaged(f"it cannot be read: {error}") from error
