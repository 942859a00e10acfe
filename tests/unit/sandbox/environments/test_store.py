"""What is kept of environments, for how long, and against whom."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from sandbox.base import Environment
from sandbox.engines.reaper import reap
from sandbox.environments.store import (
    MAX_IDLE_SECONDS,
    MAX_RECENT_ENVIRONMENTS,
    SURPLUS_IDLE_SECONDS,
    EnvironmentStore,
)
from sandbox.errors import EnvironmentDamaged


@pytest.fixture
def store(tmp_path: Path) -> EnvironmentStore:
    return EnvironmentStore(tmp_path / "environments")


def make(store: EnvironmentStore, key: str, base: Environment | None = None) -> Environment:
    root = store.new_root(key, base)
    (root / "who").write_text(str(root))
    environment = Environment(
        key=key, python=f"{root}/bin/python", python_version=(3, 11, 2), root=root
    )
    return store.seal(environment, "/usr/bin/python3", base)


def age(store: EnvironmentStore, key: str, seconds: float) -> None:
    path = store.folder / f"{key}.json"
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_installations_of_edited_projects_do_not_pile_up(store: EnvironmentStore) -> None:
    base = make(store, "base")
    made = [make(store, f"edit{number}", base) for number in range(MAX_RECENT_ENVIRONMENTS + 3)]
    for number, each in enumerate(reversed(made)):
        age(store, each.key, SURPLUS_IDLE_SECONDS + 60 * (number + 1))
    age(store, "base", 10 * MAX_IDLE_SECONDS)
    oldest, older, old = made[:3]
    assert old.root is not None
    assert older.root is not None
    assert oldest.root is not None
    with store.lease(old.root):
        reap(store.folder.parent)
        assert old.root.exists(), "a session is on it"
    assert not older.root.exists()
    assert not oldest.root.exists()
    reap(store.folder.parent)
    assert not old.root.exists()
    assert [store.get(each.key) for each in made] == [None] * 3 + made[3:]
    assert store.get("base") == base, "what is shared stays"
    age(store, made[-1].key, MAX_IDLE_SECONDS + 60)
    reap(store.folder.parent)
    assert store.get(made[-1].key) is None


def test_many_that_seal_at_once_agree(store: EnvironmentStore) -> None:
    sealed: list[Environment] = []
    threads = [
        threading.Thread(target=lambda: sealed.append(make(store, "same"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sealed) == 8
    (root,) = {each.root for each in sealed}
    assert root is not None
    assert (root / "who").read_text() == str(root)
    assert [each for each in store.folder.iterdir() if each.is_dir()] == [root]


def test_a_damaged_one_makes_room(store: EnvironmentStore) -> None:
    first = make(store, "key")
    assert first.root is not None
    (first.root / "who").write_text("somebody else")
    second = make(store, "key")
    assert second.root != first.root
    assert store.get("key") == second
    (second.root or Path()).joinpath("new").write_text("")
    with pytest.raises(EnvironmentDamaged):
        store.get("key")
    assert store.get("key") is None
    reap(store.folder.parent)
    assert [each for each in store.folder.iterdir() if each.is_dir()] == []


def test_one_that_is_gone_cannot_be_opened(store: EnvironmentStore, tmp_path: Path) -> None:
    made = make(store, "key")
    assert store.interpreter(made) == "/usr/bin/python3"
    (store.folder / "key.json").unlink()
    with pytest.raises(EnvironmentDamaged):
        store.interpreter(made)
    with pytest.raises(EnvironmentDamaged), store.lease(tmp_path / "gone"):
        pass
