"""Links from a job to where it came from on GitHub, and to where its patch went."""

from __future__ import annotations

from pathlib import Path

from tests.support.github_case import running_case
from tests.support.github_payloads import labelled
from workers.web.pages.origin import Place, origins


def test_issue_and_pull_request(tmp_path: Path) -> None:
    with running_case(tmp_path) as case:
        number = case.issue()
        case.deliver("issues", labelled(number))
        case.handle()
        job = case.job()
        site = "https://git.example.com/"
        asked_at = Place(
            label=f"#{number}", address=f"https://git.example.com/acme/ledger/issues/{number}"
        )
        waiting = origins(case.store, site, [job.id])[job.id]
        assert (waiting.asked_at, waiting.proposed) == (asked_at, None)
        case.end(job)
        case.publish()
        (pull,) = case.repo.pulls.values()
        done = origins(case.store, site, [job.id, "another"])
        assert set(done) == {job.id}
        assert done[job.id].proposed == Place(
            label=f"pull request #{pull['number']}",
            address=f"https://git.example.com/acme/ledger/pull/{pull['number']}",
        )
        assert origins(case.store, site, []) == {}
