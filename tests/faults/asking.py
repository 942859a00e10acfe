"""`python asking.py PROCESSES`: a worker whose jobs ask the model twice and do nothing else."""

from __future__ import annotations

import sys

from agent.model.base import GenerationParams, Message
from agent.model.open import open_model
from agent.records import RepairResult, Status
from tests.faults import short_lease  # noqa: F401 - what it allows
from workers.config import ServiceSettings
from workers.host.parent import die_with_parent
from workers.host.telemetry import configure_logging
from workers.queue.execution.job_worker import FinishedRun, Task
from workers.queue.worker import serve
from workers.records import Queue

QUESTIONS = 2


def ask(task: Task) -> FinishedRun:
    model = task.around_model(
        open_model(
            None,
            url=task.settings.model_url,
            wait_seconds=task.settings.model_wait_seconds,
        )
    )
    question = [Message(role="user", content="What is wrong?")]
    for _ in range(QUESTIONS):
        model.generate(question, [], GenerationParams(), cancel=task.stop)
    model.close()
    status = Status.CANCELLED if task.stop.is_set() else Status.NOT_REPAIRED
    result = RepairResult(run_id=task.job.id, status=status, reason="asked")
    return FinishedRun(result=result, result_json="{}", patch=None)


if __name__ == "__main__":
    configure_logging(level="INFO")
    die_with_parent()
    serve(ServiceSettings(), list(Queue), int(sys.argv[1]), ask)
