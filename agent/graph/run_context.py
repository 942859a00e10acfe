"""What the nodes work with: the sandbox, the snapshot, the environment. Never in a checkpoint.

Everything here can be rebuilt from the state's `prepared` record and the run's folder, which is
how a resumed run gets its workbench back.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from agent.baseline.take import BaselineEvidence
from agent.config import Settings
from agent.events import Listener, Progress, Warned
from agent.graph.state import RepairState
from agent.model.base import ModelBackend
from agent.model.open import SCRIPTED, examine_checkpoint, open_model
from agent.patches.changes import FileChange, edited_files
from agent.proposers.base import Proposer
from agent.records import CandidatePatch, RepairJob
from agent.runs.checkpoints import Checkpoints
from agent.runs.folder import RunFolder
from agent.runs.prepared import Prepared
from agent.runs.stop import StoppableSandbox
from agent.serialization import restore
from agent.source.test_sources import sources_of
from agent.validation.validation_context import ValidationContext
from agent.validation.validator import calibrate
from sandbox.base import MEBIBYTE, Limits, Session
from sandbox.engines.choose import choose
from sandbox.engines.pool import Pool
from sandbox.identity import Identity
from sandbox.languages.python.detection.test_setup import RunnerKind
from sandbox.languages.python.runners.choose_runner import choose_runner, pytest_setup
from sandbox.languages.python.runners.pytest import PytestSetup
from sandbox.runners.base import TestRunner
from sandbox.runners.test_ids import locate
from sandbox.snapshots.snapshot import Snapshot, load_snapshot

Meter: TypeAlias = Callable[[ModelBackend], ModelBackend]
"""Put around the model by a service that counts and bounds what is generated."""
SHOWN_ASIDE = 5
MIN_WINDOW = 16_384
"""Tokens; less hardly holds a task, an answer and a few turns."""


def unmetered(model: ModelBackend) -> ModelBackend:
    return model


@dataclass(eq=False)
class RunContext:
    """The tools of one run in one process."""

    job: RepairJob
    folder: RunFolder
    settings: Settings
    listen: Listener
    stop: threading.Event
    checkpoints: Checkpoints
    meter: Meter = unmetered
    proposer: Proposer | None = None
    """Made by the first `propose`; keeps its place while this process lives."""
    _model: ModelBackend | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)
    _sandbox: StoppableSandbox | None = None
    _prepared: Prepared | None = None
    _snapshot: Snapshot | None = None
    _validation: Future[ValidationContext] | None = None
    _pool: Pool | None = None
    _others: Pool | None = None
    """Sessions for verdicts: one needs up to six."""

    def model(self) -> ModelBackend:
        """The model the job names, opened once, by whichever thread comes first. Raises
        ModelError."""
        with self._opening:
            if self._model is None:
                if self._in_process:
                    self.listen(Progress(text=f"model: loading {self.job.model}"))
                key = self.settings.model_api_key
                opened = open_model(
                    self.job.model,
                    url=self.job.model_url,
                    api_key=None if key is None else key.get_secret_value(),
                    stop=self.stop,
                )
                self._model = self.meter(opened)
            return self._model

    @property
    def ranks(self) -> bool:
        """There may be a model that can rank the search's edits; a script never can."""
        return self.job.asks_model and not self._scripted

    def meet_model(self) -> None:
        """Fail now rather than after minutes where a server does not answer, a script is damaged
        or a checkpoint cannot be used. It is loaded only when it is needed. Raises ModelError."""
        if self._in_process:
            self.listen(Progress(text=f"model: looking at {self.job.model}"))
            examine_checkpoint(self.job.model or "")
        elif self.job.asks_model:
            self.listen(Progress(text=f"model: {self.model().name}"))
            if self.model().context_window < MIN_WINDOW:
                self.listen(Warned(text="the model's context is too short to repair much"))

    @property
    def _scripted(self) -> bool:
        return (self.job.model or "").startswith(SCRIPTED)

    @property
    def _in_process(self) -> bool:
        return self.job.asks_model and self.job.model_url is None and not self._scripted

    def sandbox(self, name: str) -> StoppableSandbox:
        """The sandbox by name, opened once."""
        if self._sandbox is None:
            inner = choose(name, self.settings.build_settings())
            self._sandbox = StoppableSandbox(inner, self.stop)
        return self._sandbox

    def prepared(self, state: RepairState) -> Prepared:
        if self._prepared is None:
            self._prepared = restore(Prepared, state["prepared"])
        return self._prepared

    def forget_base(self) -> None:
        """The base is another one from now on: the state names it."""
        self._close_court()
        self._prepared = self._snapshot = None

    def rebase(self, prepared: Prepared) -> None:
        """Work with what was built anew, wherever the state says it was."""
        self.forget_base()
        self._prepared = prepared

    def snapshot(self, state: RepairState) -> Snapshot:
        if self._snapshot is None:
            self._snapshot = load_snapshot(self.folder.snapshot / self.prepared(state).snapshot)
        return self._snapshot

    @property
    def limits(self) -> Limits:
        return Limits(
            memory_bytes=self.settings.memory_mebibytes * MEBIBYTE,
            workspace_bytes=self.settings.workspace_mebibytes * MEBIBYTE,
            processes=self.settings.processes,
            cpus=float(os.cpu_count() or 1),
        )

    @property
    def workers(self) -> int:
        return os.cpu_count() or 1

    def open(self, state: RepairState, identity: Identity | None = None) -> Session:
        """A fresh offline sandbox that holds the pristine base."""
        prepared = self.prepared(state)
        return self.sandbox(prepared.sandbox).open(
            prepared.environment, Path(prepared.source), self.limits, identity
        )

    def pytest_setup(self, state: RepairState) -> PytestSetup:
        """How pytest is started, for the evaluator and for coverage."""
        prepared = self.prepared(state)
        return pytest_setup(prepared.project, prepared.environment.python)

    def runner(self, state: RepairState) -> TestRunner:
        """What the baseline and the verdict run the tests with."""
        prepared = self.prepared(state)
        return choose_runner(prepared.project, prepared.environment.python)

    def pytest_ids(self, state: RepairState, test_ids: Sequence[str]) -> tuple[str, ...]:
        """The ids by which pytest knows these tests, where another runner reported them."""
        if self.prepared(state).project.runner is RunnerKind.PYTEST:
            return tuple(test_ids)
        paths = self.snapshot(state).entries.keys()
        found = (locate(test_id, paths) for test_id in test_ids)
        return tuple("::".join((path, *names)) for path, names in found if path is not None)

    def failing_sources(self, state: RepairState) -> tuple[str, ...]:
        """Sources of the failing tests."""
        failing = state["evidence"]["baseline"]["failing"]
        return sources_of(failing, self.snapshot(state))

    def tell_set_aside(self, reasons: Mapping[str, str]) -> None:
        """Warn of the first few tests that no patch is asked to mend, test → why."""
        for name, why in list(reasons.items())[:SHOWN_ASIDE]:
            self.listen(Warned(text=f"{name} is set aside: {why}"))

    def source_text(self, state: RepairState, path: str) -> str | None:
        """The base text of a source file of the project; None for anything else."""
        if not path.endswith(".py") or self.prepared(state).project.is_test_path(path):
            return None
        try:
            return self.snapshot(state).text(path).text
        except (FileNotFoundError, ValueError):
            return None

    def changed_files(
        self, state: RepairState, candidate: CandidatePatch
    ) -> Mapping[str, FileChange]:
        """Path → bytes before and after."""
        return edited_files(candidate.edits, self.snapshot(state).read)

    def validation(self, state: RepairState) -> ValidationContext:
        """What every verdict of this run shares; opened once."""
        self.calibrate(state)
        assert self._validation is not None
        return self._validation.result()

    def calibrate(self, state: RepairState) -> None:
        """Begin to open it in the background: the first verdict will ask for it."""
        if self._validation is not None:
            return
        prepared = self.prepared(state)
        name = self.snapshot(state).name
        self._pool = Pool(lambda: self.open(state))
        self._others = Pool(lambda: self.open(state, Identity.random(name)), size=1)
        validation = ValidationContext(
            open_session=self._pool.take,
            open_answering=self._others.take,
            python=prepared.environment.python,
            runner=self.runner(state),
            base=self.snapshot(state),
            rules=prepared.project,
            evidence=restore(BaselineEvidence, state["evidence"]),
            include_tests=self.job.include_tests,
        )
        opener = ThreadPoolExecutor(1, thread_name_prefix="court")
        self._validation = opener.submit(calibrate, validation)
        opener.shutdown(wait=False)

    def _close_court(self) -> None:
        """What it still does fails without a sandbox, which nobody hears."""
        for pool in (self._pool, self._others):
            if pool is not None:
                pool.close()
        self._pool = self._others = self._validation = None

    def close(self) -> None:
        self._close_court()
        if self.proposer is not None:
            self.proposer.close()
        if self._model is not None:
            self._model.close()
        if self._sandbox is not None:
            self._sandbox.close()
