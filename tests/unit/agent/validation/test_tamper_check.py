"""Which files are held to what they were before a patch ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from agent.validation.tamper_check import protected_hashes


@dataclass(frozen=True)
class Base:
    entries: Mapping[str, Any] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)


class Rules:
    def is_test_path(self, path: str) -> bool:
        return path.startswith("tests/")

    def is_config_path(self, path: str) -> bool:
        return path == "own.toml"


def test_what_the_installation_made_is_held_to_its_hash_where_it_is_loaded_by_itself() -> None:
    entries = {
        path: SimpleNamespace(kind="file", sha256=f"base {path}")
        for path in ("tests/test_a.py", "pkg/core.py", "pytest.ini")
    }
    products = {
        ".pdm-build/calc.pth": "1",
        "conftest.py": "2",
        "tests/data.py": "3",
        "pkg/_version.py": "4",
        "pytest.ini": "never: the base's own goes first",
    }
    assert protected_hashes(Base(entries), Rules(), products) == {
        ".pdm-build/calc.pth": "1",
        "conftest.py": "2",
        "tests/data.py": "3",
        "tests/test_a.py": "base tests/test_a.py",
        "pytest.ini": "base pytest.ini",
    }
