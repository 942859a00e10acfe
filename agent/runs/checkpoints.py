"""The checkpoints of a run, opened so that reading them can execute nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from agent.errors import CheckpointDamaged
from agent.runs.checkpoint_serializer import PlainSerializer
from sandbox.errors import DiskFull

if TYPE_CHECKING:  # imported where it is used: meanwhile the first tests may run
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.checkpoint.sqlite import SqliteSaver

DATABASE_BUSY_SECONDS = 60.0
"""The graph and the conversations with the model write to one file."""

Saver: TypeAlias = "BaseCheckpointSaver[Any]"
Checkpoints: TypeAlias = Callable[[], AbstractContextManager[Saver]]
"""Opens them, once for the graph and once for each group of conversations."""


def in_file(path: Path) -> Checkpoints:
    """A file of the run's own. A service keeps them in its database instead."""
    return partial(checkpoints, path)


MAX_ROUNDS = 8
"""Groups of failing tests that one run looks at, each with conversations of its own."""


def round_thread(run_id: str, number: int) -> str:
    """What the names of the conversations about a group of failing tests begin with, from 1."""
    return run_id if number == 1 else f"{run_id}:round-{number}"


def forget_run(saver: Saver, run_id: str, conversations: int) -> None:
    """Remove the threads of a run: the graph's own, and those of its conversations."""
    conversation_threads = [
        f"{round_thread(run_id, round_number)}:agent:{number}"
        for round_number in range(1, MAX_ROUNDS + 1)
        for number in range(conversations)
    ]
    for thread in (run_id, f"{run_id}:reproduce:agent:0", *conversation_threads):
        saver.delete_thread(thread)


def keep_latest(saver: Saver, thread: str) -> None:
    """Remove older checkpoints of a thread that never goes back."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    if not isinstance(saver, SqliteSaver):
        saver.prune([thread], strategy="keep_latest")
        return
    with saver.cursor() as cursor:  # SQLite's has no `prune`
        for table in ("writes", "checkpoints"):
            cursor.execute(
                f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_id < "  # noqa: S608
                "(SELECT MAX(checkpoint_id) FROM checkpoints WHERE thread_id = ?)",
                (thread, thread),
            )


@contextmanager
def checkpoints(path: Path) -> Iterator[SqliteSaver]:
    """The saver on this file. Safe to use from several threads.

    What goes wrong with the file inside the block becomes CheckpointDamaged or DiskFull.
    """
    from langgraph.checkpoint.sqlite import SqliteSaver

    connection = sqlite3.connect(path, check_same_thread=False, timeout=DATABASE_BUSY_SECONDS)
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
