"""Shows a job where it came from: comment, check run, branch, pull request, suggestions.

It runs no code of the repository and is the only place that writes there. Every side effect is
recorded before and after; one that may or may not have happened is looked for on GitHub, by a
name or mark that holds the job's id, before it is done again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from agent.commit import Author
from agent.errors import CommitRefused
from agent.job import RepairResult
from agent.patch import FileChange
from agent.patch_reading import PatchRefused
from agent.result import Evidence, parse_result
from sandbox.git import GitFailed
from workers.github import evidence as words
from workers.github.assignment import Assignment
from workers.github.connection import GitHub
from workers.github.errors import (
    CallFailed,
    Forbidden,
    NotVisible,
    PublishingElsewhere,
    RateLimited,
    Rejected,
    SourceUnavailable,
    Unauthorized,
)
from workers.github.evidence import Links, marker
from workers.github.markdown import plain
from workers.github.repository import Pull, Repository
from workers.github.source import Source
from workers.github.suggestions import suggestions
from workers.github.targets import PUSHED, assignment_of, pushed_to
from workers.github.tokens import PUBLISH, READ
from workers.job import EffectState, Job, JobState

log = logging.getLogger(__name__)

DEFINITE = (Unauthorized, Forbidden, NotVisible, Rejected, RateLimited, SourceUnavailable)
"""Failures after which a side effect certainly did not happen."""
LASTING = (Forbidden, NotVisible, Rejected)
"""Failures that trying again does not mend: the other parts are published without it."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A job that came to its end, with what was stored about it."""

    job: Job
    result: RepairResult
    evidence: Evidence | None
    document: str
    """The result file."""
    patch: str | None


class Publisher:
    """Publishes jobs of one GitHub."""

    def __init__(self, github: GitHub) -> None:
        self._github = github
        self._store = github.store

    def publish(self, job_id: str) -> None:
        """Make GitHub show the job as it is now. Raises GitHubError; `retryable` says more."""
        assignment = assignment_of(self._store, job_id)
        if assignment is None:
            return
        publication = _Publication(self._github, assignment)
        while True:
            job = self._store.job(job_id)
            publication.show(job)
            if self._store.job(job_id).state is job.state:
                return  # else it moved on while an older state was being written


class _Publication:
    """One job on its way to GitHub."""

    def __init__(self, github: GitHub, assignment: Assignment) -> None:
        self._github = github
        self._store = github.store
        self._assignment = assignment
        self._repository: Repository = github.repository(assignment.repository)

    def show(self, job: Job) -> None:
        outcome = self._outcome(job)
        if outcome is None:
            self._check(job, None)
            position = self._store.position(job.id)
            self._comment(job, words.progress_comment(self._assignment, job, position))
            return
        links = self._deliver(outcome)
        self._check(job, outcome)
        self._comment(
            job,
            words.result_comment(self._assignment, job, outcome.result, outcome.evidence, links),
        )

    def _outcome(self, job: Job) -> Outcome | None:
        stored = self._store.result(job.id) if job.state is JobState.ENDED else None
        if stored is None:
            return None
        result, evidence = parse_result(stored.result_json)
        return Outcome(
            job=job,
            result=result,
            evidence=evidence,
            document=self._public(stored.result_json),
            patch=stored.patch,
        )

    def _public(self, document: str) -> str:
        """The result file with the address to clone from instead of a folder of this machine:
        with it, anybody can take the verdict again."""
        record = json.loads(document)
        if record["evidence"] is not None:
            url = self._github.source(self._assignment.repository, self._assignment.job_id).url
            record["evidence"]["target"] = url
        return json.dumps(record, indent=1)

    # -- the patch ----------------------------------------------------------------------

    def _deliver(self, outcome: Outcome) -> Links:
        links = Links(moved=self._moved())
        if outcome.result.patch is None or not outcome.patch:
            return links
        source = self._github.source(self._assignment.repository, self._assignment.job_id)
        try:
            self._repository.with_token(
                READ, lambda token: source.fetch(self._assignment.commit, token)
            )
            changes = source.changes(self._assignment.commit, outcome.patch)
            if self._suggest(changes, links):
                return replace(links, suggestions="The patch is in the suggestions below.")
            if not self._assignment.may_push:
                return links
            return self._propose(outcome, links, source, changes)
        except (SourceUnavailable, PatchRefused, CommitRefused, GitFailed, *LASTING) as error:
            log.warning("job %s: no pull request: %s", outcome.job.id, error)
            return replace(links, moved=f"No pull request could be made: {plain(str(error))}")

    def _moved(self) -> str | None:
        """Whether the target is still what the job worked on."""
        number, replaces = self._assignment.number, self._assignment.replaces
        head: str | None
        if self._assignment.is_pull and number is not None and replaces is None:
            head = self._repository.pull(number).head
        else:
            head = self._repository.head_of(self._assignment.base_branch)
        if head == self._assignment.commit:
            return None
        return (
            f"The branch has moved since: all this is about commit {self._assignment.commit}. "
            "`/repair` looks at the newest one."
        )

    def _suggest(self, changes: Mapping[str, FileChange], links: Links) -> bool:
        """Put the patch on the pull request's own lines; False when it does not fit there."""
        assignment = self._assignment
        number = assignment.number
        if number is None or not assignment.is_pull or assignment.replaces or links.moved:
            return False
        fitting = suggestions(changes, self._repository.changed_lines(number))
        if not fitting:
            return False
        mark = marker("review", assignment.job_id)
        body = f"{mark}\nThe failing tests pass with these changes."
        try:
            self._once(
                f"github review {assignment.job_id}",
                find=lambda: self._repository.review_with(number, mark),
                make=lambda: self._repository.review(
                    number, assignment.commit, body, [one.comment() for one in fitting]
                ),
            )
        except Rejected as error:
            log.info("job %s: suggestions refused: %s", assignment.job_id, error)
            return False
        return True

    def _propose(
        self,
        outcome: Outcome,
        links: Links,
        source: Source,
        changes: Mapping[str, FileChange],
    ) -> Links:
        if not self._push(outcome, source, changes):
            words_ = "The branch was changed by somebody else, so it was left as it is."
            return replace(links, moved=words_)
        body = words.description(
            self._assignment,
            outcome.job,
            outcome.result,
            outcome.evidence,
            outcome.document,
            links,
        )
        return replace(links, pull=f"#{self._pull(words.title(outcome.result), body)}")

    def _push(self, outcome: Outcome, source: Source, changes: Mapping[str, FileChange]) -> bool:
        assignment = self._assignment
        commit = source.commit(
            assignment.commit,
            changes,
            words.commit_message(assignment, outcome.result),
            self._author(outcome.job),
        )
        ours = pushed_to(self._store, assignment.repository, assignment.branch)
        now = self._repository.head_of(assignment.branch)
        if now not in (None, commit, assignment.replaces, *ours):
            return False

        def push() -> str:
            self._repository.with_token(
                PUBLISH, lambda token: source.push(commit, assignment.branch, now, token)
            )
            return commit

        self._once(
            f"{PUSHED}{assignment.job_id} {commit}",
            find=lambda: commit if self._repository.head_of(assignment.branch) == commit else None,
            make=push,
        )
        return True

    def _author(self, job: Job) -> Author:
        """With the job's own time: the same patch is the same commit, however often it is made."""
        bot = self._github.myself.bot_id or 0
        return Author(
            name="Repair",
            email=f"{bot}+repair@users.noreply.github.com",
            date=f"{int(job.created_at.timestamp())} +0000",
        )

    def _pull(self, title: str, body: str) -> int:
        """Number of the pull request of the branch, opened or brought up to date."""
        branch = self._assignment.branch

        def find() -> int | None:
            found: Pull | None = self._repository.pull_of_branch(branch)
            return None if found is None else found.number

        def make() -> int:
            made = self._repository.open_pull(
                title=title, body=body, head=branch, base=self._assignment.base_branch
            )
            return made.number

        number, fresh = self._once(
            f"github pull {self._assignment.repository} {branch}", find=find, make=make
        )
        if not fresh:
            self._repository.edit_pull(int(number), body)
        return int(number)

    # -- what is said -------------------------------------------------------------------

    def _comment(self, job: Job, body: str) -> None:
        number = self._assignment.number
        if number is None:
            return
        comment_id, fresh = self._once(
            f"github comment {job.id}",
            find=lambda: self._repository.comment_with(number, marker("status", job.id)),
            make=lambda: self._repository.comment(number, body),
        )
        if not fresh:
            try:
                self._repository.edit_comment(int(comment_id), body)
            except NotVisible:
                log.info("job %s: its comment was deleted", job.id)

    def _check(self, job: Job, outcome: Outcome | None) -> None:
        if self._github.myself.app_id is None:
            return  # the Checks API is for Apps only
        commit = self._assignment.commit
        result = outcome.result if outcome else None
        check = words.check_run(
            self._assignment, job, result, outcome.evidence if outcome else None
        )
        try:
            check_id, fresh = self._once(
                f"github check {job.id}",
                find=lambda: self._repository.check_with(commit, job.id),
                make=lambda: self._repository.create_check({**check, "head_sha": commit}),
            )
            if not fresh:
                self._repository.update_check(int(check_id), check)
        except LASTING as error:
            log.warning("job %s: no check run: %s", job.id, error)

    # -- how ----------------------------------------------------------------------------

    def _once(
        self,
        key: str,
        *,
        find: Callable[[], int | str | None],
        make: Callable[[], int | str],
    ) -> tuple[str, bool]:
        """Do a side effect exactly once; return what it gave, and whether it was done now.

        Raises PublishingElsewhere while another process may be doing it.
        """
        effect = self._store.begin(key, self._assignment.job_id)
        if effect.state is EffectState.DONE:
            return effect.value or "", False
        if effect.state is EffectState.BUSY:
            raise PublishingElsewhere("another process publishes this job")
        if effect.state is EffectState.UNKNOWN and (found := find()) is not None:
            self._store.complete(key, str(found))
            return str(found), False
        try:
            made = str(make())
        except DEFINITE:
            self._store.forget(key)
            raise
        except CallFailed:
            raise  # it may have happened: the next attempt looks
        self._store.complete(key, made)
        return made, True
