"""One job from its claim to its end, in this process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from opentelemetry.sdk.trace import TracerProvider

import agent.graph.repair_graph  # noqa: F401 - before the pool forks: no job imports it itself
from agent.errors import AgentError, CheckpointDamaged, RunLocked
from agent.events import Event, Listener
from agent.graph.context.model_access import Meter as AroundModel
from agent.model.base import ModelBackend
from agent.model.errors import ModelError, ModelUnavailable
from agent.records import RepairResult, Status
from agent.run import start_or_resume
from agent.runs.checkpoints import Checkpoints
from sandbox.errors import BadTarget, SandboxError
from workers.config import ServiceSettings
from workers.errors import Fenced, StoreUnavailable
from workers.host.telemetry import JobTrace, job_context
from workers.queue.execution.heartbeat import Heartbeat, StopReason
from workers.queue.execution.metered import Meter, MeteredModel
from workers.queue.execution.model_slots import ModelSlots
from workers.queue.execution.reporter import Reporter
from workers.records import Claim, Job, Usage
from workers.store.store import Store

T = TypeVar("T")
log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 15.0
MAX_WAIT_SECONDS = 600.0
"""A job whose model is away comes back after 15 s, 30 s, 60 s …, up to this."""
MAX_DOUBLINGS = 10
"""Of a wait. More are over the longest anyway, and a model away for a week asks for so many that
no float holds them."""
LOCKED_RUN_WAIT_SECONDS = 10.0
STORE_RETRY_SECONDS = 1.0
"""Between two tries to write down how a job ended, while the database is away."""

FINAL_ERRORS = (BadTarget, CheckpointDamaged, ModelError)
MACHINE_ERRORS = (SandboxError, AgentError, OSError)


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """The result of a repair run, as the store takes it."""

    result: RepairResult
    result_json: str
    patch: str | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """A job with all that its repair run needs."""

    job: Job
    settings: ServiceSettings
    listen: Listener
    stop: threading.Event
    checkpoints: Checkpoints
    around_model: AroundModel


Runner = Callable[[Task], FinishedRun]


def repair(task: Task) -> FinishedRun:
    """The repair graph, from its last checkpoint."""
    result = start_or_resume(
        task.job.request.repair,
        task.settings.model_copy(update={"owner": task.job.request.owner}),
        task.listen,
        task.stop,
        task.checkpoints,
        task.around_model,
    )
    assert result.result_path is not None
    text = result.result_path.read_text(encoding="ascii")
    patch = None if result.patch is None else result.patch.diff
    return FinishedRun(result=result, result_json=text, patch=patch)


class JobWorker:
    """Carries out claims, one after the other."""

    def __init__(
        self,
        store: Store,
        settings: ServiceSettings,
        runner: Runner = repair,
        closing: Callable[[], bool] = lambda: False,
        tracing: TracerProvider | None = None,
    ) -> None:
        """`closing` is asked every second; from when it is true, a job is given back."""
        self._store, self._settings = store, settings
        self._run, self._closing, self._tracing = runner, closing, tracing

    @property
    def closing(self) -> bool:
        """Whether this worker is about to end, and takes no more jobs."""
        return self._closing()

    def carry_out(self, claim: Claim) -> None:
        """Run the job and write down how it ended. Raises nothing the caller could mend."""
        try:
            with job_context(claim.job.id):
                log.info("began %s, attempt %d", claim.job.request.repository, claim.job.attempts)
                self._carry_out(claim)
        except Fenced as error:
            log.warning("%s", error)
        except StoreUnavailable as error:
            # Its lease runs out, and the sweeper queues it again.
            log.warning("job %s could not be closed: %s", claim.job.id, error)

    def _carry_out(self, claim: Claim) -> None:
        reporter, meter = Reporter(), Meter()

        def usage() -> Usage:
            return Usage(
                tokens=claim.job.tokens + meter.tokens,
                gpu_seconds=claim.job.gpu_seconds + meter.gpu_seconds,
                candidates_tried=max(claim.job.candidates_tried, reporter.candidates_tried),
            )

        heartbeat = Heartbeat(self._store, self._settings, claim, reporter, usage, self._closing)
        trace = JobTrace(self._tracing, claim.job.id, **{"repair.attempt": claim.job.attempts})
        with heartbeat, trace as tracer:

            def listen(event: Event) -> None:
                tracer(event)
                reporter(event)

            slots = self._model_slots(claim, heartbeat.stop)
            if slots is not None:
                heartbeat.also = slots.settle
            task = Task(
                job=claim.job,
                settings=self._settings,
                listen=listen,
                stop=heartbeat.stop,
                checkpoints=self._store.checkpoints(claim),
                around_model=lambda model: self._metered(model, slots, meter),
            )
            close = self._closer(claim, task, heartbeat, usage)
            heartbeat.also()
            self._patiently(heartbeat.flush)
            job = self._patiently(close)
            log.info("is %s: %s", job.outcome or job.state, job.reason)

    def _closer(
        self, claim: Claim, task: Task, heartbeat: Heartbeat, usage: Callable[[], Usage]
    ) -> Callable[[], Job]:
        """Run the job; return what tells the store how that went. The boundary of a job."""
        try:
            outcome = self._run(task)
        except Fenced:
            raise
        except Exception as error:  # the boundary: a job must not end its worker
            return self._broken(claim, error)
        if heartbeat.stop_reason is StopReason.LOST:
            raise Fenced(f"job {claim.job.id} was lost while it ran; its result is not used")
        if (
            outcome.result.status is Status.CANCELLED
            and heartbeat.stop_reason is not StopReason.CANCELLED
        ):
            stop_reason = heartbeat.stop_reason.value if heartbeat.stop_reason else "interrupted"
            reason = f"given back: {stop_reason}"
            return lambda: self._store.requeue(claim, reason)
        return lambda: self._store.finish(
            claim, outcome.result, outcome.result_json, outcome.patch, usage()
        )

    def _broken(self, claim: Claim, error: Exception) -> Callable[[], Job]:
        """Tell what waits, what is worth another try, and what can never succeed."""
        store, job, message = self._store, claim.job, str(error)
        seconds = min(FIRST_WAIT_SECONDS * 2.0 ** min(job.waits, MAX_DOUBLINGS), MAX_WAIT_SECONDS)
        if isinstance(error, ModelUnavailable):
            not_before = _later(max(error.retry_after_seconds or 0.0, seconds))
            return lambda: store.requeue(claim, f"the model is away: {message}", not_before)
        if isinstance(error, StoreUnavailable):  # nothing of the job: it goes on from there
            return lambda: store.requeue(claim, message, _later(seconds))
        if isinstance(error, RunLocked):
            return lambda: store.requeue(claim, message, _later(LOCKED_RUN_WAIT_SECONDS))
        if isinstance(error, FINAL_ERRORS):
            return lambda: store.fail(claim, message, retryable=False)
        if not isinstance(error, MACHINE_ERRORS):
            log.error("job %s", job.id, exc_info=error)
            message = f"a fault in repair itself ({type(error).__name__}: {message})"
        return lambda: store.fail(claim, message, retryable=True)

    def _patiently(self, write: Callable[[], T]) -> T:
        """Try for the length of a lease; the work of an hour is not thrown away lightly."""
        deadline = time.monotonic() + self._settings.lease_seconds
        while True:
            try:
                return write()
            except StoreUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(STORE_RETRY_SECONDS)

    def _metered(self, model: ModelBackend, slots: ModelSlots | None, meter: Meter) -> ModelBackend:
        return MeteredModel(model, meter, slots.held if slots else _open_gate)

    def _model_slots(self, claim: Claim, stop: threading.Event) -> ModelSlots | None:
        """The slots of the job's model; None where the model is in this process, or a script."""
        url = claim.job.request.repair.asking(self._settings.model_url).model_url
        if url is None:
            return None
        return ModelSlots(self._store, claim, url, self._settings.model_slots, stop)


@contextmanager
def _open_gate(_cancel: threading.Event | None) -> Iterator[None]:
    yield


def _later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
