"""Projects that are not tested by a plain `pytest`, repaired without an option."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.config import Settings
from sandbox.engines.choose import choose
from sandbox.errors import SandboxError
from tests.support.endings import FOUND

REPOSITORY = Path(__file__).parents[2]
TIMEOUT_SECONDS = 600


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> None:
    try:
        choose("auto", Settings().build_settings())
    except SandboxError as error:
        pytest.skip(f"no sandbox works here: {error}")


def repaired(folder: Path, files: Mapping[str, str], *options: str) -> dict[str, Any]:
    """The result of `repair` on a project of these files; skips where no index is in reach."""
    for path, text in files.items():
        (folder / "project" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "project" / path).write_text(text)
    own = {"REPAIR_STATE_DIR": str(folder / "state"), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", str(folder / "project"), "--json", *options],
        env={**os.environ, **own},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    if "no package index can be reached" in done.stdout:
        pytest.skip("needs a package index")
    result: dict[str, Any] = json.loads(done.stdout)["result"]
    return result


SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["django.contrib.contenttypes", "shop"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""
MODELS = """
from django.db import models


class Item(models.Model):
    price = models.IntegerField()
    count = models.IntegerField()

    def total(self):
        return self.price + self.count
"""
DJANGO_TESTS = """
from django.test import TestCase

from shop.models import Item


class ItemTest(TestCase):
    @classmethod
    def setUpTestData(cls):
        cls.item = Item.objects.create(price=3, count=4)

    def test_total(self):
        self.assertEqual(self.item.total(), 12)

    def test_price(self):
        self.assertEqual(Item.objects.get().price, 3)
"""
MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""


@pytest.mark.nightly
def test_a_django_project_with_its_database(tmp_path: Path) -> None:
    result = repaired(
        tmp_path,
        {
            "manage.py": MANAGE,
            "site1/__init__.py": "",
            "site1/settings.py": SETTINGS,
            "shop/__init__.py": "",
            "shop/models.py": MODELS,
            "shop/tests.py": DJANGO_TESTS,
            "requirements.txt": "django\n",
        },
    )
    assert result["status"] in FOUND, result
    assert "self.price * self.count" in json.dumps(result)
    assert "shop.tests.ItemTest.test_total" in json.dumps(result)


EXAMPLES = 'def add(a, b):\n    """\n    >>> add(2, 3)\n    5\n    """\n    return a * b\n'


@pytest.mark.nightly
def test_a_module_whose_only_tests_are_its_examples(tmp_path: Path) -> None:
    result = repaired(tmp_path, {"calc.py": EXAMPLES})
    assert result["status"] in FOUND, result
    assert "return a + b" in json.dumps(result)


def test_a_project_of_tests_alone_has_nothing_to_edit(tmp_path: Path) -> None:
    files = {"test_a.py": "def test_a(): assert 1 == 2\n", "conftest.py": ""}
    result = repaired(tmp_path, files)
    assert result["status"] == "not_repaired"
    assert result["reason"].startswith("nothing may be edited")


def test_a_command_that_was_given_is_run_before_no_tests_is_said(tmp_path: Path) -> None:
    result = repaired(tmp_path, {"calc.py": "X = 1\n"}, "--test", "pytest calc.py")
    assert result["status"] == "no_tests"
    assert "the test command given" in result["reason"]
