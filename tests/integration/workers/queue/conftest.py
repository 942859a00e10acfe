"""A store for what works on jobs; each file has settings of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workers.config import ServiceSettings
from workers.store.store import Store, open_store


@pytest.fixture
def store(settings: ServiceSettings) -> Iterator[Store]:
    store = open_store(settings)
    store.migrate()
    yield store
    store.close()
