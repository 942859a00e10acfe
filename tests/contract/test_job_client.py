"""What every client of the jobs does: over the store, and over a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sandbox.git.remote import Reach
from tests.support.cli_records import DIFF
from tests.support.web_case import EVENTS, Site, site
from workers.client.base import JobClient
from workers.client.http import HttpClient
from workers.client.local import LocalClient
from workers.errors import (
    BadRequest,
    JobActive,
    JobNotFound,
    NotLoggedIn,
    ServerUnavailable,
    TargetRefused,
    TooManyJobs,
)
from workers.jobs.progress import JobProgress
from workers.jobs.submission_form import SubmissionForm
from workers.records import JobState, Queue
from workers.store.store import open_store
from workers.store.tables import metadata
from workers.web.auth.scopes import Scope

FORM = SubmissionForm(target="https://git.example.com/ada/ledger", only=["t::a"])


@dataclass(frozen=True)
class Case:
    client: JobClient
    site: Site
    reach: Reach
    """How far a fetch may lead for a job that this client submitted."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("service")) as found:
        yield found


@pytest.fixture(params=["local", "http"])
def case(request: pytest.FixtureRequest, running: Site) -> Iterator[Case]:
    with running.store.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    if request.param == "local":
        client: JobClient = LocalClient(open_store(running.settings), "ada")
        reach = Reach.ANYWHERE
    else:
        reach = Reach.PUBLIC
        client = HttpClient(
            running.url, running.token(Scope.READ, Scope.SUBMIT, Scope.CANCEL, owner="ada")
        )
    yield Case(client, running, reach)
    client.close()


def test_submit_and_look(case: Case) -> None:
    accepted = case.client.submit(FORM)
    assert accepted.created
    job = case.client.job(accepted.job.id)
    assert (job.state, job.position, job.eta_seconds) == (JobState.QUEUED, 1, None)
    assert (job.target, job.repository) == (FORM.target, "git.example.com/ada/ledger")
    assert case.site.store.job(job.id).request.repair.only == ("t::a",)
    assert job.live


def test_every_field_of_a_form_arrives(case: Case) -> None:
    form = FORM.model_copy(
        update={
            "at": "v1",
            "install": "pip install .",
            "test": "pytest -q",
            "python": "3.11",
            "problem_statement": "it\nbreaks",
            "sandbox": "docker",
            "max_seconds": 12.5,
            "max_candidates": 7,
            "max_tokens": 8,
            "max_turns": 9,
            "search_seconds": 0.0,
            "conversations": 2,
            "queue": Queue.BACKGROUND,
            "deadline_seconds": 99.0,
        }
    )
    request = case.site.store.job(case.client.submit(form).job.id).request
    assert request.repair == replace(form.job(request.repair.run_id), reach=case.reach)
    assert (request.queue, request.deadline_seconds) == (Queue.BACKGROUND, 99.0)


def test_a_key_gives_the_job_that_is_there(case: Case) -> None:
    first = case.client.submit(FORM, "nightly")
    again = case.client.submit(FORM, "nightly")
    assert (first.created, again.created) == (True, False)
    assert first.job.id == again.job.id


def test_list(case: Case) -> None:
    ids = [case.client.submit(FORM).job.id for _ in range(3)]
    assert [job.id for job in case.client.jobs()] == ids[::-1]
    assert len(case.client.jobs(limit=2)) == 2
    case.client.cancel(ids[0])
    assert [job.id for job in case.client.jobs(states=[JobState.CANCELLED])] == ids[:1]


def test_events_while_it_runs_and_after(case: Case, tmp_path: Path) -> None:
    job_id = case.client.submit(FORM).job.id
    assert [event.kind for event in case.client.events(job_id, wait=False)] == ["queued"]
    claim = case.site.start(case.site.store.job(job_id), EVENTS)
    ending = threading.Timer(1.0, case.site.finish, (claim, tmp_path))
    ending.start()
    events = list(case.client.events(job_id, wait=True))
    ending.join()
    assert events[-1].kind == "ended"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert list(case.client.events(job_id, after=5, wait=True)) == events[5:]
    progress = JobProgress().with_events(events)
    assert progress.passed == ("`<` → `<` in a.py:3",)
    assert progress.baseline is not None


def test_result_and_patch(case: Case, tmp_path: Path) -> None:
    job_id = case.client.submit(FORM).job.id
    assert case.client.result(job_id) is None
    assert case.client.patch(job_id) is None
    claim = case.site.start(case.site.store.job(job_id))
    case.site.finish(claim, tmp_path, DIFF.replace("# end", "# \udcff"))
    text = case.client.result(job_id)
    assert text is not None
    assert '"repair-result/1"' in text
    assert case.client.patch(job_id) == DIFF.encode().replace(b"# end", b"# \xff")


def test_cancel_and_retry(case: Case) -> None:
    job_id = case.client.submit(FORM).job.id
    with pytest.raises(JobActive):
        case.client.retry(job_id)
    assert case.client.cancel(job_id).state is JobState.CANCELLED
    assert case.client.retry(job_id).state is JobState.QUEUED


@pytest.mark.parametrize("job_id", ["20200101-000000-00000000", "../../etc/passwd", "%00", "a b?c"])
def test_a_job_that_is_not_there(job_id: str, case: Case) -> None:
    for ask in (
        case.client.job,
        case.client.cancel,
        case.client.retry,
        case.client.result,
        case.client.patch,
        lambda one: list(case.client.events(one, wait=True)),
    ):
        with pytest.raises(JobNotFound):
            ask(job_id)


def test_too_many_jobs(case: Case) -> None:
    for _ in range(10):
        case.client.submit(FORM)
    with pytest.raises(TooManyJobs, match="limit"):
        case.client.submit(FORM)


def test_the_server_says_no_in_the_same_words(running: Site) -> None:
    client = HttpClient(running.url, running.token(Scope.READ, Scope.SUBMIT))
    with pytest.raises(TargetRefused, match="folders of the server"):
        client.submit(SubmissionForm(target="/etc"))
    with pytest.raises(BadRequest, match="sandbox"):
        client.submit(SubmissionForm(target=FORM.target, sandbox="process"))
    client.close()
    stranger = HttpClient(running.url, "repair_wrong")
    with pytest.raises(NotLoggedIn):
        stranger.jobs()
    with pytest.raises(NotLoggedIn):
        list(stranger.events("x", wait=True))
    stranger.close()


def test_a_server_that_is_none(running: Site) -> None:
    for url in ("http://127.0.0.1:9", f"{running.url}/static"):
        client = HttpClient(url, None)
        with pytest.raises((ServerUnavailable, BadRequest)):
            client.jobs()
        client.close()
