"""Links from a job to where it came from on a forge, and to where its patch went."""

from __future__ import annotations

from pathlib import Path

from tests.support import gitea_payloads
from tests.support.gitea_case import running_gitea_case
from tests.support.github_case import running_case
from tests.support.github_payloads import labelled
from workers.jobs.view import view_of
from workers.web.pages.origin import Place, origins


def test_issue_and_pull_request(tmp_path: Path) -> None:
    with running_case(tmp_path) as case:
        number = case.issue()
        case.deliver("issues", labelled(number))
        case.handle()
        forges = {case.github.name: case.github}
        view = view_of(case.job(), None, None)
        site = f"{case.stand_in.url}/acme/ledger"
        waiting = origins(case.store, forges, [view])[view.id]
        asked_at = Place(label=f"#{number}", address=f"{site}/issues/{number}")
        assert (waiting.asked_at, waiting.proposed) == (asked_at, None)
        case.end(case.job())
        case.publish()
        (pull,) = case.repo.pulls.values()
        done = origins(case.store, forges, [view])[view.id]
        assert done.proposed == Place(
            label=f"pull request #{pull['number']}", address=f"{site}/pull/{pull['number']}"
        )
        assert origins(case.store, {}, [view]) == {}


def test_a_server_with_a_port(tmp_path: Path) -> None:
    with running_gitea_case(tmp_path) as case:
        number = case.issue()
        case.deliver("issues", gitea_payloads.labelled(number))
        case.handle()
        view = view_of(case.job(), None, None)
        origin = origins(case.store, {"gitea": case.gitea}, [view])[view.id]
        address = f"{case.stand_in.url}/acme/ledger/issues/{number}"
        assert origin.asked_at == Place(label=f"#{number}", address=address)


def test_a_server_that_has_another_address_now(tmp_path: Path) -> None:
    (tmp_path / "now").mkdir()
    with running_gitea_case(tmp_path) as case, running_gitea_case(tmp_path / "now") as now:
        number = case.issue()
        case.deliver("issues", gitea_payloads.labelled(number))
        case.handle()
        view = view_of(case.job(), None, None)
        assert origins(case.store, {"gitea": now.gitea}, [view])[view.id].asked_at is None
