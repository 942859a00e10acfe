"""One server for the tests of a module; each test has an empty store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.web_case import Site, site
from workers.store.tables import metadata
from workers.web.auth.scopes import Scope


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("root")
    with site(tmp_path_factory.mktemp("service"), api_roots=str(root)) as running:
        yield running


@pytest.fixture
def here(_server: Site) -> Site:
    """A service with nothing in it."""
    with _server.store.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return _server


@pytest.fixture
def api(here: Site) -> Iterator[httpx.Client]:
    """Ada, who may read, submit and cancel."""
    token = here.token(Scope.READ, Scope.SUBMIT, Scope.CANCEL, owner="ada", name="ada")
    with httpx.Client(
        base_url=here.url, headers={"Authorization": f"Bearer {token}"}, timeout=30
    ) as client:
        yield client


@pytest.fixture
def folder(_server: Site) -> Path:
    """The folder whose content the API may name."""
    return _server.settings.root_folders[0]
