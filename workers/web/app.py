"""The web application. `python -m workers.web` serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from workers.config import ServiceSettings
from workers.configured_forges import open_forges
from workers.forges.loop import forge_loop
from workers.forges.routes import forge_router
from workers.jobs.overview import Overview
from workers.store.store import open_store
from workers.web.api import events, jobs
from workers.web.api.problems import install_problems
from workers.web.auth import login
from workers.web.auth.access import Gate
from workers.web.auth.tokens import TokenStore
from workers.web.limits import BodyLimit, BodyTime, SafeHeaders
from workers.web.metrics import health, metrics
from workers.web.metrics.counters import JobCounters
from workers.web.pages import actions, operation, page
from workers.web.same_origin import SameOrigin
from workers.web.service import Service

MAX_BODY_BYTES = 2 * 1024 * 1024
"""A submission: its problem statement has at most 256 Ki characters, escaped perhaps."""
STATIC_FOLDER = Path(page.__file__).with_name("static")


def create_app(settings: ServiceSettings) -> FastAPI:
    """All routes over the store of these settings, whose schema is brought up to date."""
    store = open_store(settings)
    tokens = TokenStore(store.engine)
    forges = open_forges(store, settings.public_url)
    service = Service(
        settings=settings,
        store=store,
        tokens=tokens,
        gate=Gate(
            tokens,
            listen_host=settings.listen_host,
            is_published=settings.public_url is not None,
        ),
        overview=Overview(store),
        counters=JobCounters(store.engine),
        forges={forge.name: forge for forge in forges},
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        store.migrate()
        service.counters.refresh()  # counts from here on
        with ExitStack() as stack:
            for forge in forges:
                stack.enter_context(forge_loop(forge, settings.retention_days))
            yield
        store.close()

    app = FastAPI(
        title="Repair",
        version=version("repair-agent"),
        description="Queue repairs, follow them, and fetch what they found.",
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from other sites; /openapi.json is for tools
        redoc_url=None,
    )
    app.state.service = service
    install_problems(app)
    for part in (jobs, events, health, metrics, login, page, actions, operation):
        app.include_router(part.router)
    for forge in forges:
        app.include_router(forge_router(forge))
    webhooks = tuple(f"/{forge.name}/" for forge in forges)
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, free=webhooks)
    app.add_middleware(BodyTime)
    app.add_middleware(SameOrigin, free=webhooks)
    app.add_middleware(SafeHeaders)
    return app
