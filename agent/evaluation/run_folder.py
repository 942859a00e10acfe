"""The folder of an evaluation in the user's state folder: plan, log, summary and page."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.config import Settings
from agent.errors import RunLocked
from agent.evaluation.errors import EvaluationNotFound
from agent.evaluation.records import Plan
from agent.runs.folder import REMOVED, has_part
from agent.serialization import plain, restore
from sandbox.host.private_files import private_folder
from sandbox.host.untrusted_tree import remove_tree

PLAN_SCHEMA = "repair-evaluation/1"


@dataclass(frozen=True)
class EvaluationFolder:
    """Paths of one evaluation. Only the process that holds the lock writes here."""

    path: Path

    @property
    def run_id(self) -> str:
        return self.path.name

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def summary(self) -> Path:
        return self.path / "summary.json"

    @property
    def table(self) -> Path:
        return self.path / "tasks.csv"

    @property
    def page(self) -> Path:
        return self.path / "report.html"

    @property
    def predictions(self) -> Path:
        """What SWE-bench's own harness takes."""
        return self.path / "predictions.jsonl"

    @property
    def repairs(self) -> Path:
        """State folder of the repairs that this evaluation runs."""
        return self.path / "repairs"

    def save_plan(self, plan: Plan) -> None:
        private_folder(self.path)
        document = {"schema": PLAN_SCHEMA, "plan": plain(plan)}
        partial = self.plan.with_suffix(".partial")
        partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
        partial.replace(self.plan)

    def load_plan(self) -> Plan:
        """Raises EvaluationNotFound."""
        try:
            document = json.loads(self.plan.read_text(encoding="utf-8"))
            plan = restore(Plan, document["plan"])
            schema = document["schema"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EvaluationNotFound(
                f"the evaluation {self.run_id} has no readable plan.json: {error}"
            ) from error
        if schema != PLAN_SCHEMA:
            raise EvaluationNotFound(f"{self.plan} has the schema {schema!r}, not {PLAN_SCHEMA}")
        return plan

    def remove(self) -> None:
        """Forget the evaluation. An interruption leaves the whole of it or none under its name.
        Raises OSError."""
        aside = self.path.rename(self.path.parent / f"{REMOVED}{self.run_id}")
        remove_tree(aside)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the evaluation; released by the operating system when the process dies.

        Raises RunLocked.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(self.path / "lock", flags, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunLocked(
                    f"another process is working on the evaluation {self.run_id}"
                ) from error
            yield
        finally:
            os.close(file)


def evaluations_root(settings: Settings) -> Path:
    return settings.state_dir / "evaluations"


def new_evaluation_folder(settings: Settings, run_id: str) -> EvaluationFolder:
    for folder in (settings.state_dir, evaluations_root(settings)):
        private_folder(folder)
    return EvaluationFolder(evaluations_root(settings) / run_id)


def any_folder(settings: Settings, name: str) -> EvaluationFolder:
    """An evaluation as `own_folder` takes it, or the path of a folder that somebody handed over: to
    look at alone. Raises EvaluationNotFound."""
    if os.sep in name and (Path(name) / "plan.json").is_file():
        return EvaluationFolder(Path(name).absolute())
    return own_folder(settings, name)


def own_folder(settings: Settings, name: str) -> EvaluationFolder:
    """An evaluation of this state folder by its id, or by the beginning or the end of it that no
    other has. Raises EvaluationNotFound.

    Its plan says what is run, how isolated, and which server is sent the key: nobody else's plan
    may say that.
    """
    if os.sep in name:
        raise EvaluationNotFound(
            f"{name} is a path: what is gone on with or graded again is named by its id, as "
            "`repair evaluate list` shows it; a folder from elsewhere can be shown and compared"
        )
    folders = [f for f in list_evaluations(settings) if f.run_id == name]
    folders = folders or [f for f in list_evaluations(settings) if has_part(f.run_id, name)]
    if folders[1:]:
        raise EvaluationNotFound(
            f"{name!r} stands for {len(folders)} evaluations; give more of its id"
        )
    if not folders:
        raise EvaluationNotFound(
            f"there is no evaluation {name!r}; `repair evaluate list` shows them"
        )
    return folders[0]


def list_evaluations(settings: Settings) -> list[EvaluationFolder]:
    """All evaluations of this state folder, newest first."""
    root = evaluations_root(settings)
    folders = sorted(root.iterdir(), reverse=True) if root.is_dir() else []
    return [
        EvaluationFolder(path)
        for path in folders
        if not path.name.startswith(REMOVED) and (path / "plan.json").is_file()
    ]
