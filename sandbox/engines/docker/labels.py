"""The labels by which containers of ours are known, and whose they are."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping

from sandbox.isolation.owner import Owner, this_process

SESSION_LABEL = "repair.session"
"""Every container of ours has it; images made from them have it empty."""

RECORD_LABEL = "repair.environment"
"""An image that is an environment has it, and in it what is known of the environment."""
BASE_LABEL = "repair.base"
"""An image that holds a project's own installation has it: the key of what it is built on."""


def new_labels() -> dict[str, str]:
    """Labels for a container that this process is about to make."""
    owner = this_process()
    return {
        SESSION_LABEL: uuid.uuid4().hex,
        "repair.host": owner.host,
        "repair.pid": str(owner.pid),
        "repair.start": owner.start,
        "repair.created": str(int(time.time())),
    }


def owner_of(labels: Mapping[str, str]) -> Owner | None:
    """The process that made the container; None when it is not one of ours."""
    if not labels.get(SESSION_LABEL):
        return None
    try:
        return Owner(
            host=labels["repair.host"], pid=int(labels["repair.pid"]), start=labels["repair.start"]
        )
    except (KeyError, ValueError):
        return None
