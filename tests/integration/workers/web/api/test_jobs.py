"""The job API over a real server and a real store."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.cli_records import DIFF
from tests.support.web_case import EVENTS, Site
from workers.records import JobState, Queue
from workers.web.auth.scopes import Scope

JOBS = "/api/v1/jobs"
GIT_URL = "https://git.example.com/ada/ledger.git"


def problem(answer: httpx.Response, status: int, slug: str) -> str:
    """Check the problem document; return its detail."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["type"].endswith(slug)
    assert document["status"] == status
    return str(document.get("detail", ""))


def test_submit_stores_the_job_before_it_answers(here: Site, api: httpx.Client) -> None:
    form = {"target": GIT_URL, "only": ["t::a"], "max_seconds": 60, "queue": "background"}
    answer = api.post(JOBS, json=form)
    assert answer.status_code == 201
    job = here.store.job(answer.json()["job"]["id"])
    assert answer.headers["location"] == f"{JOBS}/{job.id}"
    assert job.request.repair.target == GIT_URL
    assert job.request.repair.only == ("t::a",)
    assert job.request.repair.budget.max_seconds == 60
    assert (job.request.repository, job.request.owner) == ("git.example.com/ada/ledger", "ada")
    assert (job.request.queue, job.request.origin) == (Queue.BACKGROUND, "api")


def test_a_key_gives_the_same_job_again_but_only_to_its_owner(
    here: Site, api: httpx.Client
) -> None:
    key = {"Idempotency-Key": "nightly"}
    first = api.post(JOBS, json={"target": GIT_URL}, headers=key)
    again = api.post(JOBS, json={"target": GIT_URL}, headers=key)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["job"]["id"] == again.json()["job"]["id"]
    other = {"Authorization": f"Bearer {here.token(Scope.SUBMIT, owner='eve')}"}
    stranger = api.post(JOBS, json={"target": GIT_URL}, headers=key | other)
    assert stranger.status_code == 201
    assert stranger.json()["job"]["id"] != first.json()["job"]["id"]


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"target": ""},
        {"target": GIT_URL, "unknown": 1},
        {"target": GIT_URL, "max_seconds": -1},
        {"target": GIT_URL, "max_seconds": "60"},
        {"target": GIT_URL, "max_seconds": 1e400},
        {"target": GIT_URL, "queue": "fast"},
        {"target": GIT_URL + "\n"},
        {"target": GIT_URL, "only": [""]},
        {"target": GIT_URL, "only": "t::a"},
        {"target": GIT_URL, "at": "\x00"},
        {"target": GIT_URL, "problem_statement": "x" * 300_000},
        [],
    ],
)
def test_a_form_that_is_not_one(form: object, api: httpx.Client) -> None:
    import json

    answer = api.post(JOBS, content=json.dumps(form), headers={"Content-Type": "application/json"})
    detail = problem(answer, 422, "invalid")
    assert "xxxx" not in detail


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"target": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_not_json(body: bytes, api: httpx.Client) -> None:
    answer = api.post(JOBS, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_too_large(api: httpx.Client) -> None:
    announced = api.post(JOBS, content=b" " * 3_000_000)
    assert announced.status_code == 413
    streamed = api.post(JOBS, content=iter([b" " * 1_000_000] * 3))
    assert streamed.status_code == 413
    assert streamed.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("form", "status", "slug"),
    [
        ({"target": "/etc"}, 403, "target-refused"),
        ({"target": "file:///etc"}, 403, "target-refused"),
        ({"target": "http://git.example.com/a"}, 403, "target-refused"),
        ({"target": "https://169.254.169.254/a"}, 403, "target-refused"),
        ({"target": "https://me:secret@git.example.com/a"}, 403, "target-refused"),
        ({"target": GIT_URL, "sandbox": "process"}, 422, "bad-request"),
        ({"target": GIT_URL, "model": "/models/own"}, 403, "not-allowed"),
        ({"target": GIT_URL, "model_url": "http://10.0.0.1/v1"}, 403, "not-allowed"),
        ({"target": GIT_URL, "python": "/usr/bin/id"}, 403, "target-refused"),
    ],
)
def test_what_reaches_into_the_server_is_refused(
    form: dict[str, str], status: int, slug: str, api: httpx.Client, here: Site
) -> None:
    assert "secret" not in problem(api.post(JOBS, json=form), status, slug)
    assert here.store.jobs() == []


def test_folders_below_a_root_are_allowed(api: httpx.Client, here: Site, folder: Path) -> None:
    (folder / "project").mkdir(exist_ok=True)
    (folder / "way-out").unlink(missing_ok=True)
    (folder / "way-out").symlink_to("/etc")
    answer = api.post(JOBS, json={"target": str(folder / "project")})
    assert answer.status_code == 201
    repair = here.store.job(answer.json()["job"]["id"]).request.repair
    assert (repair.target, repair.root) == (str(folder / "project"), str(folder.resolve()))
    for target in (folder / "way-out", folder / "project" / ".." / "..", Path("project")):
        problem(api.post(JOBS, json={"target": str(target)}), 403, "target-refused")


@pytest.mark.parametrize("login", ["me:secret", "secret", "me:a/secret", "me:secret@b"])
@pytest.mark.parametrize("scope", [Scope.ADMIN, Scope.SUBMIT])
def test_no_job_keeps_a_login(login: str, scope: Scope, here: Site, api: httpx.Client) -> None:
    token = {"Authorization": f"Bearer {here.token(scope)}"}
    form = {"target": f"https://{login}@git.example.com/a"}
    answer = api.post(JOBS, json=form, headers=token)
    assert "secret" not in problem(answer, 403, "target-refused")
    assert here.store.jobs() == []


def test_an_admin_may_name_any_target_but_never_no_sandbox(here: Site, api: httpx.Client) -> None:
    admin = {"Authorization": f"Bearer {here.token(Scope.ADMIN)}"}
    answer = api.post(JOBS, json={"target": "/srv/own"}, headers=admin)
    assert answer.status_code == 201
    assert here.store.job(answer.json()["job"]["id"]).request.repair.root is None
    form = {"target": "/srv/own", "sandbox": "process"}
    problem(api.post(JOBS, json=form, headers=admin), 422, "bad-request")


def test_list_pages_and_states(here: Site, api: httpx.Client) -> None:
    ids = [here.submit(owner="ada").id for _ in range(5)]
    here.submit(owner="eve")
    first = api.get(JOBS, params={"limit": 3}).json()
    second = api.get(JOBS, params={"limit": 3, "before": first["next"]}).json()
    assert [job["id"] for job in first["jobs"] + second["jobs"]] == ids[::-1]
    assert second["next"] is None
    here.store.cancel(ids[0], by="ada")
    assert [j["id"] for j in api.get(JOBS, params={"state": "cancelled"}).json()["jobs"]] == ids[:1]


def test_status_with_position_and_an_honest_eta(here: Site, api: httpx.Client) -> None:
    here.submit(owner="ada")
    second = here.submit(owner="ada")
    job = api.get(f"{JOBS}/{second.id}").json()
    assert (job["state"], job["position"], job["eta_seconds"]) == ("queued", 2, None)


def test_result_and_patch(here: Site, api: httpx.Client, tmp_path: Path) -> None:
    job = here.submit(owner="ada")
    problem(api.get(f"{JOBS}/{job.id}/result"), 404, "no-result")
    here.finish(here.start(job, EVENTS), tmp_path, DIFF.replace("# end", "# größe \udcff"))
    assert api.get(f"{JOBS}/{job.id}").json()["outcome"] == "repaired"
    assert api.get(f"{JOBS}/{job.id}/result").json()["schema"] == "repair-result/1"
    patch = api.get(f"{JOBS}/{job.id}/patch")
    assert patch.content == DIFF.encode().replace(b"# end", "# größe ".encode() + b"\xff")


def test_cancel_and_retry(here: Site, api: httpx.Client) -> None:
    job = here.submit(owner="ada")
    problem(api.post(f"{JOBS}/{job.id}/retry"), 409, "job-active")
    cancelled = api.post(f"{JOBS}/{job.id}/cancel").json()
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "cancelled by ada")
    assert api.post(f"{JOBS}/{job.id}/retry").json()["state"] == "queued"
    running = here.submit(owner="ada")
    here.start(running)
    assert api.post(f"{JOBS}/{running.id}/cancel").json()["cancel_requested"] is True
    assert here.store.job(running.id).state is JobState.RUNNING


def test_too_many_jobs_is_told_with_a_time_to_come_back(api: httpx.Client) -> None:
    answers = [api.post(JOBS, json={"target": GIT_URL}) for _ in range(11)]
    problem(answers[-1], 429, "too-many-jobs")
    assert int(answers[-1].headers["retry-after"]) > 0


def test_unknown_paths_methods_and_ids(api: httpx.Client) -> None:
    problem(api.get(f"{JOBS}/20200101-000000-0000"), 404, "job-not-found")
    assert api.get("/api/v1/nothing").status_code == 404
    assert api.delete(JOBS).status_code == 405
    assert api.get(f"{JOBS}/%00").status_code == 422
    assert api.get(f"{JOBS}/..%2f..%2fetc").status_code in (404, 422)
