"""The web application. `python -m workers.web` serves it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from workers.config import ServiceSettings
from workers.github.config import is_configured, read_github_settings
from workers.github.connection import open_github
from workers.github.loop import github_loop
from workers.github.routes import github_router
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
    settings_of_github = read_github_settings()
    service = Service(
        settings=settings,
        store=store,
        tokens=tokens,
        gate=Gate(tokens, listen_host=settings.listen_host),
        overview=Overview(store),
        counters=JobCounters(store.engine),
        github_url=settings_of_github.web_url,
    )

    github = (
        open_github(settings_of_github, store, settings.public_url)
        if is_configured(settings_of_github)
        else None
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        store.migrate()
        service.counters.refresh()  # counts from here on
        with github_loop(github, settings.retention_days) if github else nullcontext():
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
    if github is not None:
        app.include_router(github_router(github))
    app.mount("/static", StaticFiles(directory=STATIC_FOLDER), name="static")
    app.add_middleware(BodyLimit, max_bytes=MAX_BODY_BYTES, free=("/github/",))
    app.add_middleware(BodyTime)
    app.add_middleware(SameOrigin, free=("/github/",))
    app.add_middleware(SafeHeaders)
    return app
