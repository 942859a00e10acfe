"""The product's own repair as the one who answers: its patch is the answer."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.config import Settings
from agent.evaluation.errors import EvaluationError
from agent.evaluation.records import Answer, Plan, Task
from agent.evaluation.solving.base import NotAnswered
from agent.evaluation.solving.counted_model import CountedModel, TokenCount
from agent.evaluation.suites.base import RepairSuite, RepairTarget
from agent.events import Event
from agent.model.errors import ModelUnavailable
from agent.model_address import address_to_ask
from agent.records import Budget, RepairJob, RepairResult, Status
from agent.run import start_or_resume
from agent.runs.checkpoints import in_file
from agent.runs.folder import new_folder
from agent.runs.stop import Interrupted
from sandbox.errors import SandboxError
from sandbox.host.untrusted_tree import remove_tree

_NOT_OUR_FAULT = (Status.ENVIRONMENT_BROKEN, Status.NO_TESTS)
_MAX_NAME_CHARACTERS = 60


@dataclass(frozen=True, kw_only=True)
class RepairLoop:
    """Implements `Solver`. Each repair keeps its checkpoints, so that a killed one goes on."""

    suite: RepairSuite
    plan: Plan
    settings: Settings
    """With a state folder of the evaluation's own."""
    stop: threading.Event

    def solve(self, task: Task) -> Sequence[Answer]:
        return [self._repair(task, sample) for sample in range(self.plan.samples)]

    def close(self) -> None:
        """Do nothing: each repair closes what it opened."""

    def _repair(self, task: Task, sample: int) -> Answer:
        name = f"{file_name(task.task_id)}-{sample}"
        try:
            job = self._job(name, self._target(task, name))
        except EvaluationError as error:  # this task lacks something; others may not
            raise NotAnswered(str(error)) from error
        folder = new_folder(self.settings, name)
        count = TokenCount()
        try:
            result = start_or_resume(
                job,
                self.settings,
                _unheard,
                self.stop,
                in_file(folder.checkpoints),
                lambda model: CountedModel(model, count),
            )
        except (SandboxError, ModelUnavailable) as error:
            if self.stop.is_set():
                raise Interrupted from error
            raise NotAnswered(str(error)) from error
        answer = _answer(task, sample, result, count)
        folder.remove_working_files()
        remove_tree(self._project(name))
        return answer

    def _project(self, name: str) -> Path:
        return self.settings.state_dir / "projects" / name

    def _target(self, task: Task, name: str) -> RepairTarget:
        """The project, written anew: half of it may be there from a killed process."""
        project = self._project(name)
        if project.exists():
            remove_tree(project)
        project.mkdir(parents=True)
        return self.suite.project(task, project)

    def _job(self, name: str, target: RepairTarget) -> RepairJob:
        plan = self.plan
        return RepairJob(
            run_id=name,
            target=str(target.folder),
            install=target.install,
            test=target.test,
            python=target.python,
            only=target.only,
            problem_statement=target.problem_statement,
            sandbox=plan.sandbox,
            budget=Budget(max_seconds=plan.repair_seconds),
            model=plan.model,
            model_url=plan.model_url,
        )


def file_name(task_id: str) -> str:
    """A name for a folder that no other task has."""
    digest = hashlib.sha256(task_id.encode("utf-8", "replace")).hexdigest()[:8]
    return re.sub(r"[^\w.-]+", "-", task_id)[:_MAX_NAME_CHARACTERS].strip("-.") + f"-{digest}"


def scratch_state(settings: Settings, folder: Path, model_url: str | None) -> Settings:
    """The same settings, with the runs of an evaluation apart from the user's own, and of the
    installation's model server only the credentials where `model_url` is that server."""
    address = address_to_ask(model_url, settings.model_url)
    return settings.model_copy(update={"state_dir": folder, "model_url": address})


def _answer(task: Task, sample: int, result: RepairResult, count: TokenCount) -> Answer:
    if result.status is Status.CANCELLED:
        raise Interrupted
    if result.status in _NOT_OUR_FAULT:
        raise NotAnswered(f"{result.status.value}: {result.reason}")
    return Answer(
        task_id=task.task_id,
        sample=sample,
        text="" if result.patch is None else result.patch.diff,
        finish_reason=result.status.value,
        prompt_tokens=count.prompt,
        completion_tokens=count.completion,
        reasoning_tokens=count.reasoning,
        seconds=sum(result.seconds.values()),
        note=result.reason,
    )


def _unheard(_event: Event) -> None:
    """A repair among hundreds is not followed; its result says how it ended."""
