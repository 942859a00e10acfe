"""Frees what killed processes left behind: containers, folders, control groups, environments."""

from __future__ import annotations

import errno
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sandbox.engines.docker.client import connect
from sandbox.engines.docker.labels import BASE_LABEL, SESSION_LABEL, owner_of
from sandbox.environments.store import MAX_IDLE_SECONDS, EnvironmentStore
from sandbox.host.untrusted_tree import folders_below, remove_tree
from sandbox.isolation.cgroup import group_parents, remove_group
from sandbox.isolation.owner import Owner
from sandbox.session.socket_channel import ENGINE_ERRORS

ENGINE_TIMEOUT_SECONDS = 30
log = logging.getLogger(__name__)
Removal = tuple[str, Callable[[], object]]
"""What is nobody's, in words, and what removes it."""


def reap(cache_dir: Path, on_failure: Callable[[str], object] = log.warning) -> list[str]:
    """Remove everything of ours whose process is gone; return what was removed, one line each.

    Leaves alone what live processes own, what other hosts own, and what is not ours. What
    cannot be removed is told in a line, and keeps nothing else from being removed.
    """
    removals = []
    for find in (_containers, _groups, _folders, lambda: _environments(cache_dir)):
        try:
            for description, remove in find():
                if _tried(description, remove, on_failure):
                    removals.append(description)
        except OSError as error:
            on_failure(f"what a killed run left behind cannot be looked for: {error}")
    return removals


def _tried(
    description: str, remove: Callable[[], object], on_failure: Callable[[str], object]
) -> bool:
    try:
        remove()
    except (*ENGINE_ERRORS, OSError) as error:
        on_failure(f"{description} of a killed run cannot be removed: {error}")
        return False
    return True


def _containers() -> Iterator[Removal]:
    try:
        with closing(connect(ENGINE_TIMEOUT_SECONDS)) as client:
            # `all`: one that was created and never started counts too.
            for container in client.containers.list(all=True, filters={"label": SESSION_LABEL}):
                owner = owner_of(container.labels)
                if owner and not owner.alive:
                    yield f"container {container.name}", _ending(container)
            yield from _images(client)
    except ENGINE_ERRORS:
        return  # no engine, so nothing of ours runs in it


def _ending(container: Any) -> Callable[[], object]:
    return lambda: container.remove(force=True, v=True)


def _images(client: Any) -> Iterator[Removal]:
    """Images that hold a project's installation, from yesterday: each state of its files has one.

    The engine refuses to remove one that a container still uses.
    """
    # Not `images.list()`: it asks for each image again, and one may be gone by then.
    images = client.api.images(filters={"label": BASE_LABEL})
    idle = [image for image in images if time.time() - image["Created"] > MAX_IDLE_SECONDS]
    used_ids = (
        {container["ImageID"] for container in client.api.containers(all=True)} if idle else set()
    )
    for image in idle:
        if image["Id"] not in used_ids:
            short_id = image["Id"].removeprefix("sha256:")[:12]
            yield f"idle environment {short_id}", _forgetting(client, image["Id"])


def _forgetting(client: Any, image: str) -> Callable[[], object]:
    return lambda: client.images.remove(image)


def _groups() -> Iterator[Removal]:
    # Everywhere, not only below our own: the owner may have run in another group.
    for top in sorted(group_parents()):
        for parent in folders_below(Path(top)):
            for folder in _orphans(parent):
                yield f"control group {folder}", _removing(_end_group, folder)


def _end_group(folder: Path) -> None:
    remove_group(folder)
    if folder.is_dir():
        raise OSError(errno.EBUSY, "its processes do not end", str(folder))


def _folders() -> Iterator[Removal]:
    for folder in _orphans(Path(tempfile.gettempdir()).resolve()):
        yield f"folder {folder}", _removing(remove_tree, folder)


def _removing(remove: Callable[[Path], object], folder: Path) -> Callable[[], object]:
    return lambda: remove(folder)


def _orphans(parent: Path) -> list[Path]:
    folders = []
    for folder in sorted(parent.glob("repair-*")):
        owner = Owner.from_name(folder.name)
        if owner is not None and not owner.alive and folder.is_dir() and not folder.is_symlink():
            folders.append(folder)
    return folders


def _environments(cache_dir: Path) -> Iterator[Removal]:
    store = EnvironmentStore(cache_dir / "environments")
    store.forget_idle()
    for root, text in store.unsealed():
        try:
            owner = Owner(**json.loads(text))
        except (ValueError, TypeError):
            continue
        if not owner.alive:
            yield f"unfinished environment {root}", _removing(store.remove, root)
