"""The arrow of imports: cli → workers → agent → sandbox, never back."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RANK = {"sandbox": 0, "agent": 1, "workers": 2, "cli": 3}
FILES = sorted(path for room in RANK for path in (ROOT / room).rglob("*.py"))


def imported_rooms(tree: ast.AST) -> set[str]:
    rooms = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            rooms.add((node.module or "").split(".")[0])
        elif isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[0] for alias in node.names}
    return rooms & RANK.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = RANK[path.relative_to(ROOT).parts[0]]
    rooms = imported_rooms(ast.parse(path.read_text(encoding="utf-8")))
    assert {room for room in rooms if RANK[room] > own} == set()


def test_the_service_and_the_model_stay_out_of_the_light_install() -> None:
    """`agent` and `sandbox` work without the packages of the extras."""
    heavy = {"celery", "kombu", "redis", "torch", "transformers", "fastapi"}
    for path in FILES:
        if path.relative_to(ROOT).parts[0] in ("agent", "sandbox"):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if path.relative_to(ROOT).parts[:2] == ("agent", "model"):
                continue
            top = {
                alias.name.split(".")[0]
                for node in ast.walk(tree)
                if isinstance(node, ast.Import)
                for alias in node.names
            }
            assert not top & heavy, path
