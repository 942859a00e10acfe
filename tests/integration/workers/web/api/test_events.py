"""Events as a stream that can be resumed."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import httpx
import pytest

from tests.support.web_case import EVENTS, Site
from workers.client.sse import Message, messages

JOBS = "/api/v1/jobs"


def read(api: httpx.Client, job_id: str, **options: object) -> list[Message]:
    with api.stream("GET", f"{JOBS}/{job_id}/events", **options) as answer:  # type: ignore[arg-type]
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(messages(answer.iter_lines()))


def seqs(found: list[Message]) -> list[int]:
    return [json.loads(message.data)["seq"] for message in found if message.event == "job"]


def test_all_events_and_an_end(here: Site, api: httpx.Client, tmp_path: Path) -> None:
    job = here.submit(owner="ada")
    here.finish(here.start(job, EVENTS), tmp_path)
    found = read(api, job.id)
    kinds = [json.loads(message.data)["kind"] for message in found[:-1]]
    assert kinds[:3] == ["queued", "started", "stage_started"]
    assert kinds[-1] == "ended"
    assert found[-1].event == "end"
    assert seqs(found) == list(range(1, len(kinds) + 1))


def test_resumed_where_it_was_cut_off(here: Site, api: httpx.Client, tmp_path: Path) -> None:
    job = here.submit(owner="ada")
    here.finish(here.start(job, EVENTS), tmp_path)
    whole = seqs(read(api, job.id))
    assert seqs(read(api, job.id, headers={"Last-Event-ID": "4"})) == whole[4:]
    assert seqs(read(api, job.id, params={"after": 4})) == whole[4:]
    both = {"headers": {"Last-Event-ID": "6"}, "params": {"after": 2}}
    assert seqs(read(api, job.id, **both)) == whole[6:]
    assert seqs(read(api, job.id, headers={"Last-Event-ID": "nonsense"})) == whole


def test_without_waiting_it_ends_at_once(here: Site, api: httpx.Client) -> None:
    job = here.submit(owner="ada")
    found = read(api, job.id, params={"wait": "false"})
    assert seqs(found) == [1]
    assert found[-1].event == "end"


def test_events_come_while_the_job_runs(here: Site, api: httpx.Client, tmp_path: Path) -> None:
    job = here.submit(owner="ada")
    claim = here.start(job)
    first_seen = threading.Event()

    def work() -> None:
        assert first_seen.wait(30)
        here.say(claim, EVENTS)
        here.finish(claim, tmp_path)

    worker = threading.Thread(target=work)
    worker.start()
    found = []
    with api.stream("GET", f"{JOBS}/{job.id}/events") as answer:
        for message in messages(answer.iter_lines()):
            found.append(message)
            first_seen.set()
    worker.join()
    assert len(seqs(found)) == 2 + len(EVENTS) + 1


@pytest.mark.parametrize("after", ["-1", "x", str(2**31), "9" * 30])
def test_numbers_that_are_none(after: str, here: Site, api: httpx.Client) -> None:
    job = here.submit(owner="ada")
    answer = api.get(f"{JOBS}/{job.id}/events", params={"after": after})
    assert answer.status_code == 422


def test_streams_have_a_limit(here: Site, api: httpx.Client) -> None:
    from workers.errors import StoreUnavailable, TooManyStreams
    from workers.web.service import Streams

    streams = Streams(max_streams=2, max_of_one=1)
    with streams.one("ada"):
        with pytest.raises(TooManyStreams), streams.one("ada"):
            pass
        with streams.one("eve"), pytest.raises(StoreUnavailable), streams.one("bob"):
            pass
    with streams.one("ada"):
        pass


def test_a_watcher_that_leaves_gives_its_place_back(here: Site, api: httpx.Client) -> None:
    """More watchers, one after the other, than there are places."""
    job = here.submit(owner="ada")
    for _ in range(210):
        with api.stream("GET", f"{JOBS}/{job.id}/events") as answer:
            assert answer.status_code == 200
            next(answer.iter_lines())
