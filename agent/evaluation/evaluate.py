"""Runs an evaluation from wherever its log says it is: answers and grades, many tasks at once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.config import Settings
from agent.evaluation.errors import CannotSolve, DataUnreadable
from agent.evaluation.grading.sandbox_provider import SandboxProvider
from agent.evaluation.log import EvaluationLog
from agent.evaluation.progress import Counter, Listener, Tally
from agent.evaluation.records import AnswerSource, Plan, Task
from agent.evaluation.run_folder import EvaluationFolder
from agent.evaluation.solving.asked_model import AskedModel
from agent.evaluation.solving.base import Solver
from agent.evaluation.solving.known_answers import KnownAnswers
from agent.evaluation.solving.repair_loop import RepairLoop, scratch_state
from agent.evaluation.suites.base import RepairSuite, Suite
from agent.evaluation.suites.opening import open_suite
from agent.evaluation.task_pools import EndSignal, TaskPools
from agent.model.open import SCRIPTED, open_model
from agent.model_address import address_to_ask
from agent.serialization import plain
from sandbox.isolation.owner import scratch_folder


def chosen_tasks(suite: Suite, plan: Plan) -> Sequence[Task]:
    """The tasks of a plan. Raises DataUnreadable, also for an id that no task has."""
    tasks = list(suite.tasks())
    ids = [task.task_id for task in tasks]
    if len(set(ids)) < len(ids):
        twice = next(name for place, name in enumerate(ids) if name in ids[:place])
        raise DataUnreadable(f"two tasks have the id {twice!r}")
    if plan.only:
        task_ids = {task.task_id for task in tasks}
        if unknown_names := [name for name in plan.only if name not in task_ids]:
            raise DataUnreadable(
                f"there is no task {unknown_names[0]!r}; the first is {tasks[0].task_id!r}"
            )
        tasks = [task for task in tasks if task.task_id in plan.only]
    return tasks[: plan.limit]


def digest_of(tasks: Sequence[Task]) -> str:
    """SHA-256 over all that is asked and graded, hex."""
    digest = hashlib.sha256()
    for task in tasks:
        digest.update(json.dumps(plain(task), sort_keys=True).encode())
    return digest.hexdigest()


def check_data(tasks: Sequence[Task], plan: Plan) -> None:
    """Raises DataUnreadable where they are not those that the evaluation began with."""
    if digest_of(tasks) != plan.data_sha256:
        raise DataUnreadable(f"{plan.data} holds other tasks than when the evaluation began")


def check_way(suite: Suite, plan: Plan) -> None:
    """Raises CannotSolve where the suite cannot be answered in the way of the plan."""
    facts = suite.facts
    if plan.way not in facts.ways:
        if plan.way is AnswerSource.MODEL:
            how = "its tasks are projects; add --loop, or take --model none"
        elif plan.way in (AnswerSource.LOOP, AnswerSource.SEARCH):
            how = "its tasks are no projects; name a model, without --loop"
        else:
            how = f"its data has no such answers ({plan.way.value})"
        raise CannotSolve(f"{facts.title} cannot be answered so: {how}")
    in_process = plan.way is AnswerSource.LOOP and plan.model_url is None
    if in_process and not (plan.model or "").startswith(SCRIPTED):
        raise CannotSolve(
            "--loop opens the model once for each repair: serve it with `repair model serve PATH` "
            "and name the server with --model-url"
        )


def run_evaluation(
    folder: EvaluationFolder,
    settings: Settings,
    stop: threading.Event,
    listen: Listener,
    say: Callable[[str], None],
    *,
    again: bool = False,
) -> Tally:
    """Answer and grade what has no answer and no grade yet; with `again`, ask nothing and grade
    every answer anew. Setting `stop` ends it soon; what is recorded stays.

    Raises RunLocked, EvaluationError, ModelError, SandboxError.
    """
    plan = folder.load_plan()
    suite = open_suite(plan)
    tasks = chosen_tasks(suite, plan)
    check_data(tasks, plan)
    with folder.lock(), EvaluationLog(folder.log) as log, scratch_folder() as scratch:
        over = EndSignal(stop)
        sandbox_provider = SandboxProvider(settings, plan.sandbox, over.event, Path(scratch), say)
        counter = Counter(log.recorded, len(tasks), plan.samples, listen)
        work = TaskPools(plan, suite, log, sandbox_provider, over, counter)
        try:
            solver = None if again else _solver(plan, suite, settings, folder, over.event)
            work.run(tasks, solver, again=again)
        finally:
            over.end()
            sandbox_provider.close()
    return counter.tally


def _solver(
    plan: Plan, suite: Suite, settings: Settings, folder: EvaluationFolder, stop: threading.Event
) -> Solver:
    check_way(suite, plan)
    if plan.way in (AnswerSource.REFERENCE, AnswerSource.BUGGY):
        return KnownAnswers(buggy=plan.way is AnswerSource.BUGGY)
    if plan.way is AnswerSource.MODEL:
        key = settings.model_api_key
        secret = None if key is None else key.get_secret_value()
        url = address_to_ask(plan.model_url, settings.model_url)
        model = open_model(plan.model, url=url, api_key=secret, stop=stop)
        return AskedModel(model=model, sampling=plan.sampling, samples=plan.samples, stop=stop)
    if not isinstance(suite, RepairSuite):
        raise CannotSolve(f"{suite.facts.title} has no projects to repair")
    scratch_settings = scratch_state(settings, folder.repairs, plan.model_url)
    return RepairLoop(suite=suite, plan=plan, settings=scratch_settings, stop=stop)
