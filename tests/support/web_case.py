"""A service over a store of its own, and the jobs that its tests look at."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn

from agent.event_storage import to_wire
from agent.events import (
    BaselineTaken,
    CandidateValidated,
    Event,
    Localized,
    Progress,
    SearchProgress,
    StageEnded,
    StageStarted,
    Warned,
)
from agent.records import Baseline, SuspiciousLine
from agent.runs.result_file import write_result
from tests.support.cli_records import make_result
from tests.support.services import free_port
from tests.support.store_case import a_request
from workers.config import ServiceSettings
from workers.records import Claim, Job, NewEvent, Usage
from workers.store.store import Store, open_store
from workers.web.app import create_app
from workers.web.auth.scopes import Scope
from workers.web.auth.tokens import TokenStore

EVIL = "<script>document.title='owned'</script>\x1b[31m\u202e\x00"
"""What a repository may say."""
EVENTS: tuple[Event, ...] = (
    StageStarted(stage="prepare"),
    StageEnded(stage="prepare", seconds=1.5, summary="ok"),
    BaselineTaken(baseline=Baseline(failing=("t::a",), passing=("t::b", "t::c"))),
    Localized(lines=(SuspiciousLine(path="a.py", line=3, score=0.5, ochiai=0.4, dstar=2.0),)),
    StageStarted(stage="propose"),
    SearchProgress(tried=30, per_second=15.0, best="`<` → `<=` in a.py:3"),
    CandidateValidated(plausible=True, description="`<` → `<` in a.py:3"),
)
HOSTILE: tuple[Event, ...] = (
    StageStarted(stage="propose"),
    Progress(text=EVIL),
    Warned(text=EVIL),
    Localized(
        lines=(
            SuspiciousLine(path=EVIL, line=3, score=0.5, ochiai=0.4, dstar=2.0, reasons=(EVIL,)),
        )
    ),
    SearchProgress(tried=30, per_second=15.0, best=EVIL),
    CandidateValidated(plausible=True, description=EVIL),
)


def service_settings(folder: Path, **changes: object) -> ServiceSettings:
    return ServiceSettings(state_dir=folder, cache_dir=folder / "cache", **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Site:
    """A running service and the way behind it."""

    settings: ServiceSettings
    store: Store

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.listen_port}"

    def token(self, *scopes: Scope, owner: str = "ada", name: str = "a token") -> str:
        return TokenStore(self.store.engine).create(name, scopes, owner=owner)[1]

    def submit(self, repository: str = "example.com/ledger", **fields: object) -> Job:
        return self.store.submit(a_request(repository, **fields)).job

    def start(self, job: Job, events: tuple[Event, ...] = ()) -> Claim:
        """As a worker would."""
        claim = self.store.claim(job.id, "worker@host")
        assert claim is not None
        self.say(claim, events)
        return claim

    def say(self, claim: Claim, events: tuple[Event, ...]) -> None:
        new = [NewEvent(kind=kind, data=data) for kind, data in map(to_wire, events)]
        self.store.append(claim, new)

    def finish(self, claim: Claim, folder: Path, diff: str | None = None) -> None:
        result = replace(make_result(), run_id=claim.job.id)
        if diff is not None and result.patch is not None:
            result = replace(result, patch=replace(result.patch, diff=diff))
        path = folder / f"{claim.job.id}.json"
        write_result(result, path)
        assert result.patch is not None
        usage = Usage(tokens=120, gpu_seconds=2.5, candidates_tried=30)
        self.store.finish(claim, result, path.read_text(), result.patch.diff, usage)


@contextmanager
def site(folder: Path, **changes: object) -> Iterator[Site]:
    """A real server on a free port of loopback."""
    settings = service_settings(folder, listen_port=free_port(), **changes)
    config = uvicorn.Config(
        create_app(settings), host="127.0.0.1", port=settings.listen_port, log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.02)
    store = open_store(settings)
    try:
        yield Site(settings, store)
    finally:
        store.close()
        server.force_exit = True
        server.should_exit = True
        thread.join(30)
