"""The tools for editors and agents, without a sandbox: what they reach, and how work is told."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.config import Settings
from agent.errors import RunNotFound
from agent.events import Listener, Progress
from agent.records import Baseline, RepairJob, RepairResult, Verdict, Verification
from agent.runs.folder import new_folder, run_folder
from agent.runs.result_file import write_result
from agent.runs.stop import Interrupted
from agent.runs.verification_terms import Terms
from agent.untrusted_text import marked
from cli.errors import BadInput
from cli.main import main
from cli.mcp import tasks
from cli.mcp.allowed import AllowedFolders
from cli.mcp.outcome import MAX_CHARACTERS, MAX_TESTS, of_repair
from cli.mcp.service import ToolService
from cli.mcp.tasks import MAX_RUNNING, Task, Tasks
from tests.support.cli_records import DIFF, make_result, plausible_in_part, plausible_result


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[RepairJob]:
    """The jobs that were begun; each ends once it is stopped or its target has a file `go`."""
    begun: list[RepairJob] = []

    def start(
        job: RepairJob, _settings: Settings, listen: Listener, stop: threading.Event
    ) -> RepairResult:
        begun.append(job)
        listen(Progress(text="test 1 of 2"))
        if not (Path(job.target) / "go").exists():
            stop.wait(30)
        return make_result()

    monkeypatch.setattr("agent.run.start", start)
    return begun


@pytest.fixture
def service(tmp_path: Path) -> ToolService:
    (tmp_path / "project" / "go").mkdir(parents=True)
    (tmp_path / "slow").mkdir()
    settings = Settings(state_dir=tmp_path / "state", cache_dir=tmp_path / "cache")
    folders = AllowedFolders([tmp_path / "project", tmp_path / "slow"])
    return ToolService(folders=folders, settings=settings, max_seconds=60)


def test_a_repair_in_the_background(
    service: ToolService, jobs: list[RepairJob], tmp_path: Path
) -> None:
    begun = service.repair(str(tmp_path / "project"), only=["t.py::a"], max_seconds=1e9)
    told = service.status(begun["run"], wait_seconds=30)
    assert told["state"] == "ended"
    assert told["progress"] == marked("test 1 of 2")
    assert told["result"]["status"] == "repaired"
    assert told["result"]["patch"]["diff"] == marked(DIFF)
    assert "diff" in told["result"]["patch"]["untrusted"]
    assert {"reason", "suspicious", "failing"} <= set(told["result"]["untrusted"])
    assert told["result"]["patch"]["confidence"] is None  # nobody measured it
    json.dumps(told)
    assert jobs[0].only == ("t.py::a",)
    assert jobs[0].budget.max_seconds == 60  # as the user of the server said
    assert jobs[0].sandbox == "auto"


def test_how_sure_a_patch_is_is_told_with_its_question() -> None:
    told = of_repair(plausible_result())
    assert told["status"] == "plausible"
    assert told["patch"]["confidence"] == {
        "value": 0.45,
        "calibrated": True,
        "reasons": ["- 3 other patches pass, of which 2 answer otherwise"],
        "question": "should `f(3)` be 0, as with this patch, or an error?",
        "untrusted": ["question", "reasons"],
    }


def test_a_verdict_taken_again_claims_no_more_than_the_run(
    service: ToolService, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict(plausible=True, fail_to_pass={"a": "passed"}, pass_to_pass={})
    found = Verification(verdict=verdict, still_red=("r",))
    monkeypatch.setattr("agent.verify.verify", lambda *_words: found)
    stored = plausible_in_part()
    _run(service, stored.run_id, str(service.folders.folders[0]))
    write_result(stored, run_folder(service.settings, stored.run_id).result)
    told = service.status(service.verify(stored.run_id, "")["run"], wait_seconds=30)["result"]
    assert (told["confirmed"], told["status"], told["still_red"]) == (True, "plausible", ["r"])


def test_only_so_many_at_once(service: ToolService, jobs: list[RepairJob], tmp_path: Path) -> None:
    slow = str(tmp_path / "slow")
    begun = [service.repair(slow)["run"] for _ in range(MAX_RUNNING)]
    with pytest.raises(BadInput, match="are running"):
        service.repair(slow)
    assert service.status(begun[0])["state"] == "running"
    for run in begun:
        service.cancel(run)
    assert service.status(begun[0], wait_seconds=30)["state"] == "ended"


@pytest.mark.parametrize("path", ["..", "/", "project/../..", "https://example.org/r", "link"])
def test_nothing_else_is_reached(
    path: str, service: ToolService, jobs: list[RepairJob], tmp_path: Path
) -> None:
    (tmp_path / "project" / "link").symlink_to("/etc")
    with pytest.raises(BadInput):
        service.repair(path)
    assert jobs == []


def test_an_issue_is_a_text_and_never_a_file(
    service: ToolService, jobs: list[RepairJob], tmp_path: Path
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("key")
    service.status(service.repair("", issue=str(secret))["run"], wait_seconds=30)
    assert jobs[0].problem_statement == str(secret)


def test_a_failure_is_a_sentence(service: ToolService, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_words: object) -> RepairResult:
        raise OSError("no space \x1b left")

    monkeypatch.setattr("agent.run.start", start)
    told = service.status(service.repair("")["run"], wait_seconds=30)
    assert told["state"] == "failed"
    assert told["error"] == marked(r"no space \x1b left")


def test_texts_of_the_target_are_bounded() -> None:
    result = make_result()
    assert result.patch is not None
    names = tuple(f"test_{number}" + "x" * 10_000 for number in range(MAX_TESTS + 5))
    long = replace(
        result,
        reason="r" * 10_000,
        baseline=Baseline(failing=names, passing=()),
        patch=replace(result.patch, diff=DIFF * 1000),
        result_path=Path("/state/runs/r/result.json"),
    )
    told = of_repair(long)
    assert len(told["reason"]) < MAX_CHARACTERS + 200
    assert [len(name) for name in told["failing"]] == [MAX_CHARACTERS] * MAX_TESTS
    assert told["failing_count"] == MAX_TESTS + 5
    assert "diff" not in told["patch"]  # never a part of one
    assert told["patch"]["diff_omitted"] is True
    assert told["patch"]["diff_path"] == "/state/runs/r/patch.diff"
    json.dumps(told)


def test_the_limit_holds_for_those_who_ask_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(*words: Any) -> Task:
        threading.Event().wait(0.02)  # so that all of them have counted
        return Task(*words)

    monkeypatch.setattr(tasks, "Task", slowly)
    all_tasks, begun = Tasks(), []

    def begin(number: int) -> None:
        with contextlib.suppress(BadInput):
            begun.append(all_tasks.start(f"{number}", "repair", _until_stopped))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    all_tasks.stop_all()
    assert len(begun) == MAX_RUNNING


def _until_stopped(_listen: Listener, stop: threading.Event) -> dict[str, Any]:
    stop.wait(30)
    return {}


def _run(service: ToolService, run_id: str, target: str) -> str:
    folder = new_folder(service.settings, run_id)
    folder.save_job(RepairJob(run_id=run_id, target=target))
    return run_id


def _verifying(
    monkeypatch: pytest.MonkeyPatch, judge: Callable[[threading.Event], Verdict]
) -> list[tuple[Path, Terms]]:
    """What is asked of `verify`; `judge` answers."""
    asked = []

    def verify(
        path: Path, terms: Terms, _settings: Settings, _listen: Listener, stop: threading.Event
    ) -> Verdict:
        asked.append((path, terms))
        return judge(stop)

    monkeypatch.setattr("agent.verify.verify", verify)
    return asked


def test_a_verdict_has_the_time_of_the_server_and_can_be_cancelled(
    service: ToolService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def judge(stop: threading.Event) -> Verdict:
        assert stop.wait(30)
        raise Interrupted

    asked = _verifying(monkeypatch, judge)
    run = _run(service, "20261122-103000-aaaa", str(tmp_path / "project"))
    begun = service.verify(run, "")
    service.cancel(begun["run"])
    told = service.status(begun["run"], wait_seconds=30)
    assert (told["state"], told["result"]) == ("ended", {"status": "cancelled"})
    (path, terms) = asked[0]
    assert path.parent.name == run
    assert terms.max_seconds == 60


@pytest.mark.parametrize("run", ["..", ".", "", "20261122-103000-bbbb", "20261122-103000-cccc"])
def test_only_runs_on_the_folders_of_the_server_are_verified(
    run: str, service: ToolService, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = _verifying(monkeypatch, lambda _: pytest.fail("verified"))
    _run(service, "20261122-103000-bbbb", str(tmp_path / "private"))
    _run(service, "20261122-103000-cccc", "https://example.org/r")
    with pytest.raises(RunNotFound, match="on these folders"):
        service.verify(run, "")
    assert asked == []


def test_without_the_sdk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "mcp.server", None)
    assert main(["mcp", str(tmp_path)]) == 3
    assert "[mcp]" in capsys.readouterr().err
    assert main(["mcp", str(tmp_path / "nowhere")]) == 2


def test_over_the_protocol(service: ToolService, jobs: list[RepairJob]) -> None:
    client_module = pytest.importorskip("mcp")
    from cli.mcp.server import make_server

    instructions = make_server(service).instructions or ""
    assert all(f"`{word}`" in instructions for word in ("plausible", "repaired_in_part"))

    async def talk() -> tuple[set[str], Any, Any, Any]:
        async with client_module.Client(make_server(service)) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
            begun = await client.call_tool("repair", {"path": ""})
            run = json.loads(begun.content[0].text)["run"]
            ended = await client.call_tool("status", {"run": run, "wait_seconds": 30})
            refused = await client.call_tool("repair", {"path": "/etc"})
            return names, begun, json.loads(ended.content[0].text), refused

    names, begun, ended, refused = asyncio.run(talk())
    assert names == {"repair", "localize", "verify", "status", "cancel"}
    assert not begun.is_error
    assert ended["state"] == "ended"
    assert refused.is_error
    assert "is not below" in refused.content[0].text
