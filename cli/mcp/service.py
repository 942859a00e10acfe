"""What the tools do, without a word of the protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agent.config import Settings
from agent.errors import RunNotFound
from agent.events import Event, Listener, StageEnded
from agent.records import Budget, RepairJob, Status
from agent.runs.folder import RunFolder, new_folder, new_run_id, run_folder
from agent.runs.result_file import read_result
from agent.runs.stop import Interrupted
from agent.runs.verification_terms import Terms
from agent.selection.announcement import verified_status
from agent.untrusted_text import shortened
from cli.errors import BadInput
from cli.mcp.allowed import AllowedFolders
from cli.mcp.outcome import of_places, of_repair, of_verdict
from cli.mcp.tasks import Outcome, Task, Tasks, Work
from cli.options.arguments import MAX_ISSUE_BYTES, check_seconds

MAX_WAIT_SECONDS = 50.0
"""Of one answer: clients give up on a tool after a minute."""


@dataclass(frozen=True, kw_only=True)
class ToolService:
    """Repairs, rankings and verdicts for one client, in folders that the user named."""

    folders: AllowedFolders
    settings: Settings
    sandbox: str = "auto"
    max_seconds: float = Budget.max_seconds
    tasks: Tasks = field(default_factory=Tasks)

    def repair(
        self,
        path: str,
        only: list[str] | None = None,
        issue: str | None = None,
        at: str | None = None,
        max_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Begin a repair."""
        job = self._job(path, only, issue, at, max_seconds)

        def work(listen: Listener, stop: threading.Event) -> Outcome:
            return of_repair(self._start(job, listen, stop))

        return self._begin(job.run_id, "repair", work)

    def localize(
        self,
        path: str,
        only: list[str] | None = None,
        at: str | None = None,
        max_seconds: float | None = None,
    ) -> dict[str, Any]:
        """Begin a ranking of suspicious lines."""
        job = self._job(path, only, None, at, max_seconds)

        def work(listen: Listener, stop: threading.Event) -> Outcome:
            result = self._start(job, _until_localized(listen, stop), stop)
            status = "localized" if result.suspicious else result.status.value
            return {"status": status, "suspicious": of_places(result.suspicious)}

        return self._begin(job.run_id, "localize", work)

    def verify(self, run: str, path: str) -> dict[str, Any]:
        """Begin to take the verdict of an earlier run again."""
        file = self._run(run).result
        terms = Terms(
            target=self.folders.check(path), sandbox=self.sandbox, max_seconds=self.max_seconds
        )

        def work(listen: Listener, stop: threading.Event) -> Outcome:
            from agent.verify import verify  # it imports the verdict

            try:
                verification = verify(file, terms, self.settings, listen, stop)
            except Interrupted:
                return {"status": Status.CANCELLED.value}
            stored_result = read_result(file)
            return of_verdict(verification, verified_status(verification, stored_result))

        return self._begin(f"verify-{new_run_id()}", "verify", work)

    def status(self, run: str, wait_seconds: float = 0.0) -> dict[str, Any]:
        """How far a run is; waits for its end a little."""
        task = self.tasks.get(run)
        task.wait(min(wait_seconds, MAX_WAIT_SECONDS))
        return task.told()

    def cancel(self, run: str) -> dict[str, Any]:
        """End a run with the best that is known."""
        task = self.tasks.get(run)
        task.stop()
        task.wait(5.0)
        return task.told()

    def _run(self, run: str) -> RunFolder:
        """A run on a folder that the server is for. Raises RunNotFound, for others as well: a
        client learns nothing of them."""
        try:
            folder = run_folder(self.settings, run)
            if self.folders.holds(folder.load_job().target):
                return folder
        except RunNotFound:
            pass
        raise RunNotFound(f"there is no run {shortened(run, 60)} on these folders")

    def _begin(self, run_id: str, kind: str, work: Work) -> dict[str, Any]:
        task: Task = self.tasks.start(run_id, kind, work)
        return task.told()

    def _start(self, job: RepairJob, listen: Listener, stop: threading.Event) -> Any:
        from agent.run import start  # it imports the stages

        new_folder(self.settings, job.run_id)
        return start(job, self.settings, listen, stop)

    def _job(
        self,
        path: str,
        only: list[str] | None,
        issue: str | None,
        at: str | None,
        max_seconds: float | None,
    ) -> RepairJob:
        seconds = self.max_seconds if max_seconds is None else check_seconds(max_seconds)
        if issue is not None and len(issue.encode(errors="replace")) > MAX_ISSUE_BYTES:
            raise BadInput(f"`issue` is over {MAX_ISSUE_BYTES // 1024} KiB; give what matters.")
        job = RepairJob(
            run_id=new_run_id(),
            target=self.folders.check(path),
            at=at,
            only=tuple(only or ()),
            problem_statement=issue or None,  # never the name of a file
            sandbox=self.sandbox,
        )
        return replace(job, budget=replace(job.budget, max_seconds=min(seconds, self.max_seconds)))


def _until_localized(listen: Listener, stop: threading.Event) -> Callable[[Event], None]:
    def listening(event: Event) -> None:
        listen(event)
        if isinstance(event, StageEnded) and event.stage == "localize":
            stop.set()

    return listening
