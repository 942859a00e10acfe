"""Frees what killed processes left behind: containers, folders, control groups."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from sandbox.attached_channel import ENGINE_ERRORS
from sandbox.cgroup import group_parents, remove_group
from sandbox.engine import connect
from sandbox.environment_store import EnvironmentStore
from sandbox.labels import LABEL, owner_of
from sandbox.owner import Owner

ENGINE_SECONDS = 30


def reap(cache_dir: Path) -> list[str]:
    """Remove everything of ours whose process is gone; return what was removed, one line each.

    Leaves alone what live processes own, what other hosts own, and what is not ours.
    """
    return [*_containers(), *_groups(), *_folders(), *_environments(cache_dir)]


def _containers() -> Iterator[str]:
    try:
        with closing(connect(ENGINE_SECONDS)) as client:
            # `all`: one that was created and never started counts too.
            for container in client.containers.list(all=True, filters={"label": LABEL}):
                owner = owner_of(container.labels)
                if owner and not owner.alive:
                    container.remove(force=True, v=True)
                    yield f"container {container.name}"
    except ENGINE_ERRORS:
        return  # no engine, so nothing of ours runs in it


def _groups() -> Iterator[str]:
    # Everywhere, not only below our own: the owner may have run in another group.
    for top in sorted(group_parents()):
        for parent, _, _ in os.walk(top):
            for folder in _orphans(Path(parent)):
                remove_group(folder)
                yield f"control group {folder}"


def _folders() -> Iterator[str]:
    for folder in _orphans(Path(tempfile.gettempdir()).resolve()):
        shutil.rmtree(folder, ignore_errors=True)
        yield f"folder {folder}"


def _orphans(parent: Path) -> list[Path]:
    found = []
    for folder in sorted(parent.glob("repair-*")):
        owner = Owner.from_name(folder.name)
        if owner is not None and not owner.alive and folder.is_dir() and not folder.is_symlink():
            found.append(folder)
    return found


def _environments(cache_dir: Path) -> Iterator[str]:
    store = EnvironmentStore(cache_dir / "environments")
    for root, text in store.unsealed():
        try:
            owner = Owner(**json.loads(text))
        except (ValueError, TypeError):
            continue
        if not owner.alive:
            store.discard(root)
            yield f"unfinished environment {root}"
