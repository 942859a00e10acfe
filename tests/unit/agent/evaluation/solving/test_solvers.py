"""Who answers: a model that is asked, and the whole repair."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.config import Settings
from agent.evaluation.errors import CannotSolve
from agent.evaluation.records import AnswerSource, Plan, Sampling, Task
from agent.evaluation.solving import asked_model, repair_loop
from agent.evaluation.solving.asked_model import AskedModel
from agent.evaluation.solving.base import NotAnswered
from agent.evaluation.solving.repair_loop import RepairLoop, file_name, scratch_state
from agent.evaluation.suites.human_eval_fix import HumanEvalFix
from agent.model.base import Completion, FinishReason, GenerationParams, Message, Usage
from agent.model.errors import ContextWindowExceeded, ModelUnavailable, RequestRefused
from agent.model_address import address_to_ask
from agent.records import RepairJob, RepairResult, Status
from agent.runs.stop import Interrupted

TASK = Task(
    task_id="Python/0",
    group="Python/0",
    prompt="Fix it.",
    reference="",
    buggy="def f():\n    return 2\n",
    data={"entry_point": "f", "test": "def check(f):\n    assert f() == 1\n\ncheck(f)"},
)


@dataclass
class Model:
    """Raises each of these once, then answers."""

    errors: list[Exception]
    finish: FinishReason = FinishReason.STOP
    asked: list[GenerationParams] | None = None
    name: str = "stub"
    context_window: int = 100

    def generate(
        self,
        messages: Sequence[Message],
        tools: object,
        params: GenerationParams,
        n: int = 1,
        **_: object,
    ) -> list[Completion]:
        if self.errors:
            raise self.errors.pop(0)
        self.asked = [*(self.asked or []), params]
        answer = Message(role="assistant", content=f"to {messages[0].content}", reasoning="hm")
        usage = Usage(prompt_tokens=7, completion_tokens=5, reasoning_tokens=2)
        return [Completion(message=answer, finish_reason=self.finish, usage=usage)] * n

    def close(self) -> None: ...


def asked(model: Model, patience: float = 60.0) -> AskedModel:
    return AskedModel(
        model=model,  # type: ignore[arg-type]
        sampling=Sampling(temperature=0.7, seed=11),
        samples=2,
        stop=threading.Event(),
        patience_seconds=patience,
    )


def test_a_model_is_asked_once_for_all_answers_with_the_sampling_of_the_plan() -> None:
    model = Model([])
    first, second = asked(model).solve(TASK)
    assert (first.sample, second.sample) == (0, 1)
    assert (first.text, first.reasoning) == ("to Fix it.", "hm")
    assert (first.prompt_tokens, first.completion_tokens, first.reasoning_tokens) == (7, 5, 2)
    assert model.asked is not None
    assert [(p.temperature, p.top_p, p.top_k, p.seed) for p in model.asked] == [(0.7, 0.95, 20, 11)]


def test_a_server_that_goes_away_for_a_while_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asked_model, "PAUSE_SECONDS", 0.0)
    assert len(asked(Model([ModelUnavailable("gone")] * 3)).solve(TASK)) == 2


def test_a_server_that_stays_away_fails_the_task_and_nothing_is_answered() -> None:
    with pytest.raises(NotAnswered, match="gone"):
        asked(Model([ModelUnavailable("gone")]), patience=0.0).solve(TASK)


def test_what_no_task_would_pass_ends_the_evaluation() -> None:
    with pytest.raises(RequestRefused):
        asked(Model([RequestRefused("no such model")])).solve(TASK)


def test_a_task_too_long_for_the_model_counts_as_its_answer() -> None:
    answers = asked(Model([ContextWindowExceeded("too long")])).solve(TASK)
    assert [answer.finish_reason for answer in answers] == ["context_window"] * 2


def test_answers_that_were_cut_off_by_a_stop_are_not_kept() -> None:
    with pytest.raises(Interrupted):
        asked(Model([], finish=FinishReason.CANCELLED)).solve(TASK)


def test_a_task_that_is_a_project_cannot_be_asked() -> None:
    task = Task(task_id="a", group="a", prompt="", reference="")
    with pytest.raises(CannotSolve):
        asked(Model([])).solve(task)


def loop(tmp_path: Path) -> RepairLoop:
    plan = Plan(
        run_id="r", suite="humanevalfix", data="/d", way=AnswerSource.SEARCH, repair_seconds=7.0
    )
    settings = Settings(
        state_dir=tmp_path / "own", cache_dir=tmp_path / "cache", model_url="http://gpu/v1"
    )
    return RepairLoop(
        suite=HumanEvalFix(Path("/d")),
        plan=plan,
        settings=scratch_state(settings, tmp_path / "evaluation", None),
        stop=threading.Event(),
    )


def ending(
    monkeypatch: pytest.MonkeyPatch,
    status: Status,
    jobs: list[RepairJob],
    files: list[str] | None = None,
) -> None:
    def start(job: RepairJob, settings: Settings, *_: Any) -> RepairResult:
        jobs.append(job)
        if files is not None:
            files.extend(sorted(path.name for path in Path(job.target).iterdir()))
        assert settings.model_url is None, "an installation's own model must not join in"
        return RepairResult(run_id=job.run_id, status=status, reason="so", seconds={"search": 2.0})

    monkeypatch.setattr(repair_loop, "start_or_resume", start)


def test_a_repair_gets_the_project_anew_and_the_limits_of_the_plan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[RepairJob] = []
    files: list[str] = []
    ending(monkeypatch, Status.NOT_REPAIRED, jobs, files)
    solver = loop(tmp_path)
    stale = tmp_path / "evaluation" / "projects" / f"{file_name(TASK.task_id)}-0" / "stale.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    (answer,) = solver.solve(TASK)
    assert (answer.text, answer.finish_reason, answer.note) == ("", "not_repaired", "so")
    assert answer.seconds == 2.0
    assert jobs[0].budget.max_seconds == 7.0
    assert files == ["solution.py", "test_solution.py"]
    assert not Path(jobs[0].target).exists(), "hundreds of projects would be kept to the end"


def test_a_password_in_the_address_of_a_server_is_no_part_of_a_plan_s_jobs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs: list[RepairJob] = []
    asked_with: list[str | None] = []

    def start(job: RepairJob, settings: Settings, *_: Any) -> RepairResult:
        jobs.append(job)
        asked_with.append(address_to_ask(job.model_url, settings.model_url))
        return RepairResult(run_id=job.run_id, status=Status.NOT_REPAIRED, reason="so", seconds={})

    monkeypatch.setattr(repair_loop, "start_or_resume", start)
    settings = Settings(state_dir=tmp_path, model_url="https://me:secret@gpu:8000/v1")
    url = "https://gpu:8000/v1"
    plan = Plan(run_id="r", suite="humanevalfix", data="/d", way=AnswerSource.LOOP, model_url=url)
    solver = RepairLoop(
        suite=HumanEvalFix(Path("/d")),
        plan=plan,
        settings=scratch_state(settings, tmp_path / "evaluation", plan.model_url),
        stop=threading.Event(),
    )
    solver.solve(TASK)
    assert jobs[0].model_url == url
    assert asked_with == ["https://me:secret@gpu:8000/v1"]


def test_an_environment_that_cannot_be_built_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(monkeypatch, Status.ENVIRONMENT_BROKEN, [])
    with pytest.raises(NotAnswered, match="environment_broken: so"):
        loop(tmp_path).solve(TASK)


def test_a_repair_that_was_stopped_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ending(monkeypatch, Status.CANCELLED, [])
    with pytest.raises(Interrupted):
        loop(tmp_path).solve(TASK)


def test_names_of_folders_are_safe_and_apart() -> None:
    names = {file_name(task) for task in ("a/b", "a-b", "../../etc", "x" * 500, "\0")}
    assert len(names) == 5
    assert all("/" not in name and len(name) < 80 and not name.startswith(".") for name in names)
