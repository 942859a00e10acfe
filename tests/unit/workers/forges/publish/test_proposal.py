"""A pull request that is there already, and what a later job makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from agent.records import RepairResult
from tests.support.cli_records import plausible_in_part, plausible_result
from tests.unit.workers.forges.publish.test_evidence import assignment, job
from workers.forges.api.exactly_once import Once
from workers.forges.api.repository import Pull
from workers.forges.publish.finished_job import FinishedJob
from workers.forges.publish.proposal import Proposal, _passing_with
from workers.github.connection import GitHub


class KnownPull:
    """The repository, its source and the effects of earlier jobs, which made pull request 5."""

    name = "github"
    url = "https://example.org/o/n"

    def __init__(self) -> None:
        self.edits: list[dict[str, Any]] = []

    def repository(self, _name: str) -> KnownPull:
        return self

    def source(self, _name: str, _job: str) -> KnownPull:
        return self

    def edit_pull(self, number: int, **wish: str) -> Pull:
        self.edits.append({"number": number, **wish})
        return Pull(number=number, is_open=True, head="a", head_branch="b", is_fork=False)

    def once(self, _key: str, *, find: Callable[[], Any], make: Callable[[], Any]) -> Any:
        return "5", False


def test_a_later_job_renews_the_title_with_the_body() -> None:
    known = KnownPull()
    ended = FinishedJob(job=job(), result=plausible_result(), evidence=None, patch=b"diff")
    proposal = Proposal(cast(GitHub, known), assignment(), cast(Once, known.once), ended)
    assert proposal._pull("Plausible, 45 % sure: x", "the body").number == 5
    assert known.edits == [{"number": 5, "title": "Plausible, 45 % sure: x", "body": "the body"}]


def test_a_review_says_how_much_passes_and_how_surely() -> None:
    def said(result: RepairResult) -> str:
        return _passing_with(result)

    whole, part = said(plausible_result()), said(plausible_in_part())
    assert whole.startswith("Plausible, 45 % sure: these changes may be wrong. The failing tests")
    assert part.startswith("Plausible in part, 45 % sure: these changes may be wrong. In part: 1 ")
    assert part.endswith("and 1 stays red. The comment above names them.")
