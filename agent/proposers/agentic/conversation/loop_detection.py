"""Loop detection: tool calls that only repeat earlier ones on the same files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from agent.model.base import ToolCall

MAX_REMEMBERED_ACTIONS = 24
MAX_CYCLE_ACTIONS = 4
REPEATED_CYCLES = 3
"""A cycle of up to four actions is a loop when it comes this often in a row."""


def action_digest(call: ToolCall, tree_digest: str) -> str:
    """Digest of a tool call, equal for the same call on the same files."""
    action = json.dumps([call.name, dict(call.arguments), tree_digest], sort_keys=True, default=str)
    return hashlib.blake2b(action.encode("utf-8", "replace"), digest_size=8).hexdigest()


def is_repeated(digest: str, previous_actions: Sequence[str]) -> bool:
    """Whether doing this again is going round in circles: the same as the last action, or one
    more round of a short cycle."""
    if previous_actions and previous_actions[-1] == digest:
        return True
    actions = [*previous_actions, digest]
    for period in range(2, MAX_CYCLE_ACTIONS + 1):
        tail = actions[-period * REPEATED_CYCLES :]
        if len(tail) == period * REPEATED_CYCLES and tail[period:] == tail[:-period]:
            return True
    return False
