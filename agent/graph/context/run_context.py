"""What the nodes work with. Never in a checkpoint: it can be rebuilt from the state's `prepared`
record and the run's folder, which is how a resumed run gets it back.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from agent.baseline.evidence import BaselineEvidence
from agent.config import Settings
from agent.events import Event, Listener, Progress, Warned
from agent.graph.budget import overtime_seconds, repair_seconds_left
from agent.graph.context.model_access import Meter, ModelAccess, unmetered
from agent.graph.context.prepared_project import PreparedProject
from agent.graph.context.sandboxes import Sandboxes
from agent.graph.state import RepairState
from agent.patches.unified_diff import applicable
from agent.proposers.base import Proposer
from agent.proposers.search.failed_operators import FailedOperators
from agent.records import RepairJob
from agent.runs.checkpoints import Checkpoints
from agent.runs.folder import RunFolder
from agent.runs.prepared import Prepared
from agent.serialization import plain, restore
from agent.validation.validation_context import ValidationContext, reader
from agent.validation.validator import calibrate
from sandbox.base import Session
from sandbox.engines.pool import Pool
from sandbox.git.login import Login
from sandbox.machine_identity import MachineIdentity

SHOWN_SET_ASIDE = 5


@dataclass(eq=False)
class RunContext:
    """One run in one process: its job, its folder, and what is opened for it."""

    job: RepairJob
    folder: RunFolder
    settings: Settings
    listen: Listener
    stop: threading.Event
    checkpoints: Checkpoints
    meter: Meter = unmetered
    login: Login | None = None
    """For fetching the target. With this process it is gone."""
    proposer: Proposer | None = None
    """Made by the first `propose`; keeps its place while this process lives."""
    overdue: threading.Event = field(default_factory=threading.Event)
    """The time of the whole repair was over, and its sandboxes were closed."""
    doing: str = ""
    """What the last event of progress said."""
    model: ModelAccess = field(init=False)
    sandboxes: Sandboxes = field(init=False)
    failed_operators: FailedOperators = field(init=False)
    first_updates: dict[str, Future[dict[str, Any]]] = field(default_factory=dict)
    """Stage → its update of the state, where it was begun before the graph came to it."""
    unfinished: tuple[str, float] | None = None
    """The stage that was begun last, and when (`time.monotonic`)."""
    _deadline: float = math.inf
    _prepared: PreparedProject | None = None
    _validation: Future[ValidationContext] | None = None
    _pools: tuple[Pool, ...] = ()
    """Sessions for verdicts: one needs up to six."""

    def __post_init__(self) -> None:
        listener, one_at_a_time = self.listen, threading.Lock()

        def listen(event: Event) -> None:
            with one_at_a_time:  # the model's threads speak beside the stage's
                if isinstance(event, Progress) and not event.background:
                    self.doing = event.text
                listener(event)

        self.listen = listen
        self.model = ModelAccess(self.job, self.settings, self.listen, self.stop, self.meter)
        self.sandboxes = Sandboxes(self.settings, self.stop)
        self.failed_operators = FailedOperators(lambda text: self.listen(Warned(text=text)))

    @property
    def cut_off(self) -> bool:
        """Whether the sandboxes were closed under whoever works in them."""
        return self.stop.is_set() or self.sandboxes.closed

    def seconds_left(self) -> float:
        """Of the whole repair, now; infinite outside a stage of one."""
        return self._deadline - time.monotonic()

    @contextmanager
    def time_limit(self, state: RepairState, stage: str) -> Iterator[None]:
        """Within, the sandboxes are closed once the stage has had what is left of the time."""
        remainder = repair_seconds_left(state)
        self._deadline = time.monotonic() + remainder
        self.doing = ""
        seconds = max(0.0, remainder + overtime_seconds(state, stage))
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), self._end_time)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def cut_seconds(self) -> dict[str, float]:
        """The stage that a stop cut short → seconds it had."""
        if self.unfinished is None:
            return {}
        stage, began = self.unfinished
        return {stage: time.monotonic() - began}

    def _end_time(self) -> None:
        self.overdue.set()
        self.sandboxes.close()

    def prepared(self, state: RepairState) -> PreparedProject:
        """The project that the state names."""
        preparation = self._prepared
        if preparation is None:
            self.replace(restore(Prepared, state["prepared"]))
            preparation = self._prepared
        assert preparation is not None
        return preparation

    def replace(self, record: Prepared) -> None:
        """Work with what was prepared anew, wherever the state says it was."""
        self.forget_prepared()
        self._prepared = PreparedProject.load(record, self.folder.snapshot)

    def learn_test_files(
        self, state: RepairState, test_ids: Iterable[str], examples: Mapping[str, str]
    ) -> dict[str, Any]:
        """What changes in the state where tests came from files that were not known to hold any:
        they judge a patch, so no patch may change them. `examples` as in `TestReport`."""
        preparation = self.prepared(state)
        record = preparation.record_with_tests(test_ids, examples)
        if record is preparation.record:
            return {}
        new_paths: list[str] = []
        for path in record.project.test_files:
            if not preparation.project.is_test_path(path):
                text = f"{path} counts as a test, which its name does not say: tests came from it"
                self.listen(Warned(text=text))
                new_paths.append(path)
        self.replace(record)
        return {"prepared": plain(record), "taken_as_tests": new_paths}

    def forget_prepared(self) -> None:
        """The project is another one from now on: the state names it."""
        self._close_validation()
        self._prepared = None

    def open(self, state: RepairState, identity: MachineIdentity | None = None) -> Session:
        """A fresh offline session that holds the pristine base. Raises SandboxError."""
        return self.sandboxes.open(self.prepared(state).record, identity)

    def failing_sources(self, state: RepairState) -> tuple[str, ...]:
        """Sources of the tests that a patch has to make pass."""
        return self.prepared(state).test_sources(state["evidence"]["baseline"]["failing"])

    def tell_set_aside(self, reasons: Mapping[str, str]) -> None:
        """Warn of the first few tests that no patch is asked to mend, test → why."""
        for name, why in list(reasons.items())[:SHOWN_SET_ASIDE]:
            self.listen(Warned(text=f"{name} is set aside: {why}"))

    def validation(self, state: RepairState) -> ValidationContext:
        """What every verdict of this run shares; opened once."""
        self.begin_validation(state)
        assert self._validation is not None
        return self._validation.result()

    def begin_validation(self, state: RepairState) -> None:
        """Begin to open it in the background: the first verdict will ask for it."""
        if self._validation is not None:
            return
        preparation = self.prepared(state)
        name = preparation.snapshot.name
        tests = Pool(lambda: self.open(state))
        answer_pool = Pool(lambda: self.open(state, MachineIdentity.random(name)), size=1)
        self._pools = (tests, answer_pool)
        validation = ValidationContext(
            open_session=tests.take,
            open_answering=answer_pool.take,
            language=preparation.traits,
            python=preparation.environment.python,
            runner=preparation.runner,
            base=preparation.snapshot,
            rules=preparation.project,
            evidence=restore(BaselineEvidence, state["evidence"]),
            products=preparation.products,
            include_tests=self.job.include_tests,
            excluded=applicable(self.job.excluded, reader(preparation.snapshot)),
        )
        opener = ThreadPoolExecutor(1, thread_name_prefix="validation")
        self._validation = opener.submit(calibrate, validation)
        opener.shutdown(wait=False)

    def end_round(self) -> None:
        """Other tests are asked for from now on: the state names them."""
        self._close_validation()
        if self.proposer is not None:
            self.proposer.close()
        self.proposer = None

    def _close_validation(self) -> None:
        """What it still does fails without a sandbox, which nobody hears."""
        for pool in self._pools:
            pool.close()
        self._pools, self._validation = (), None

    def close(self) -> None:
        self.end_round()
        self.model.close()
        self.sandboxes.close()
        wait(self.first_updates.values())  # those that no graph came to: they write to the folder
