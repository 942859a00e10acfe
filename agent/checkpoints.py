"""The checkpoint file of a run, opened so that reading it can execute nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from langgraph.checkpoint.sqlite import SqliteSaver

from agent.errors import CheckpointDamaged
from agent.serializer import PlainSerializer
from sandbox.errors import DiskFull

BUSY_SECONDS = 60.0
"""The graph and the conversations with the model write to one file."""


@contextmanager
def checkpoints(path: Path) -> Iterator[SqliteSaver]:
    """The saver on this file. Safe to use from several threads.

    What goes wrong with the file inside the block becomes CheckpointDamaged or DiskFull.
    """
    connection = sqlite3.connect(path, check_same_thread=False, timeout=BUSY_SECONDS)
    try:
        with closing(connection):
            yield SqliteSaver(connection, serde=PlainSerializer())
    except (CheckpointDamaged, sqlite3.DatabaseError) as error:
        if "disk is full" in str(error):
            raise DiskFull(f"the disk under {path.parent} is full; free some space") from error
        raise CheckpointDamaged(
            f"the checkpoints of this run are damaged or were changed ({error}): nothing of them "
            "was used; repair the target again from the start"
        ) from error
