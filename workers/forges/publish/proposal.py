"""The patch of a job, put into the repository: as suggestions, or as a branch and a draft."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from agent.errors import CommitRefused
from agent.patches.changes import FileChange
from agent.patches.commit import Author
from agent.patches.unified_diff import PatchRefused
from agent.records import RepairResult, Status
from agent.runs.result_file import parse_result
from agent.selection.announcement import announcement, is_in_part
from agent.wording import in_part
from sandbox.git.git_process import GitFailed
from workers.forges.api.exactly_once import Once
from workers.forges.api.markdown import code, marker
from workers.forges.api.pull_diff import holds
from workers.forges.api.repository import Pull
from workers.forges.errors import (
    LASTING_ERRORS,
    CallFailed,
    RateLimited,
    Rejected,
    SourceUnavailable,
)
from workers.forges.forge import Forge
from workers.forges.intake.assignment import Assignment
from workers.forges.intake.targets import PUSH_EFFECT_PREFIX, job_of_push, pushed_to
from workers.forges.publish.description import commit_message, description, title
from workers.forges.publish.finished_job import FinishedJob
from workers.forges.publish.links import Links
from workers.forges.publish.suggestions import suggestions
from workers.forges.webhook.trigger import Cause
from workers.records import Job, StoredResult

log = logging.getLogger(__name__)

OF_A_FORK = (
    "The {pull} comes from a fork, whose commits are never pushed into this repository: take "
    "the patch below with `git apply`."
)


def _passing_with(result: RepairResult) -> str:
    """What a review says of its suggestions: how much passes, and that it may be wrong."""
    effect = "The failing tests pass with these changes"
    if result.baseline is not None and is_in_part(result):
        effect = f"In part: {in_part(result.baseline)}. The comment above names them"
    if result.status is Status.PLAUSIBLE:
        return f"{announcement(result)}: these changes may be wrong. {effect}."
    return f"{effect}."


def _still_red(result: RepairResult) -> frozenset[str]:
    return frozenset(result.baseline.still_red if result.baseline else ())


class Proposal:
    """The patch of one finished job."""

    def __init__(
        self, forge: Forge, assignment: Assignment, once: Once, finished_job: FinishedJob
    ) -> None:
        self._forge = forge
        self._assignment = assignment
        self._once = once
        self._ended = finished_job
        self._repository = forge.repository(assignment.repository)
        self._source = forge.source(assignment.repository, assignment.job_id)

    def deliver(self, links: Links) -> Links:
        """Put the patch where people can take it; `links` with where that was."""
        assignment, patch = self._assignment, self._ended.patch
        if self._ended.result.patch is None or not patch:
            return links
        if self._ended.result.status is Status.BUDGET_EXHAUSTED:
            return links  # it passed the verdict, and there was no time to confirm it
        try:
            self._repository.fetch(self._source, assignment.commit)
            changes = self._source.changes(assignment.commit, patch)
            if self._suggest(changes, links):
                return replace(links, suggested=True)
            if not assignment.may_push:
                return replace(links, problem=OF_A_FORK.format(pull=links.wording.pull))
            return self._propose(changes, links)
        except (
            SourceUnavailable,
            PatchRefused,
            CommitRefused,
            GitFailed,
            *LASTING_ERRORS,
        ) as error:
            log.warning("job %s: no pull request: %s", assignment.job_id, error)
            reason = code(str(error), 300)
            return replace(links, problem=f"No {links.wording.pull} could be made: {reason}")

    def _suggest(self, changes: Mapping[str, FileChange], links: Links) -> bool:
        """Put the patch on the pull request's own lines; False when it does not fit there."""
        assignment = self._assignment
        number = assignment.number
        reviews = self._repository.line_reviews
        if number is None or not assignment.is_pull or assignment.replaces or links.moved:
            return False
        if reviews is None:
            return False
        line_suggestions = suggestions(changes, reviews.changed_lines(number))
        if not line_suggestions:
            return False
        name = f"{assignment.job_id} {self._ended.patch_digest}"
        mark = marker("review", name)
        body = f"{mark}\n{_passing_with(self._ended.result)}"
        try:
            self._once(
                f"{self._forge.name} review {name}",
                find=lambda: reviews.review_with(number, mark),
                make=lambda: reviews.review(
                    number,
                    assignment.commit,
                    body,
                    [suggestion.comment() for suggestion in line_suggestions],
                ),
            )
        except Rejected as error:
            log.info("job %s: suggestions refused: %s", assignment.job_id, error)
            return False
        return True

    def _propose(self, changes: Mapping[str, FileChange], links: Links) -> Links:
        head = self._repository.head_of(self._assignment.branch)
        if head is None and (duplicate := self._same_patch(changes)) is not None:
            return replace(links, same=duplicate)
        reviewed_result = self._reviewed_result()
        if reviewed_result is not None and reviewed_result.patch == self._ended.patch:
            return replace(links, unchanged=True)
        if reviewed_result is not None and self._leaves_more_red(reviewed_result):
            return replace(links, lesser=True)
        if not self._push(changes, head):
            problem = "The branch was changed by somebody else, so it was left as it is."
            return replace(links, problem=problem)
        body = description(self._assignment, self._ended, links)
        pull = self._pull(title(self._ended.result), body)
        return replace(links, pull=pull.number, is_draft=pull.is_draft)

    def _same_patch(self, changes: Mapping[str, FileChange]) -> int | None:
        """Number of an open pull request onto the same branch with this very patch, whoever opened
        it: another one would only be one more to close."""
        for pull in self._repository.open_pulls(self._assignment.base_branch):
            if holds(self._changed_files(pull.number), changes):
                return pull.number
        return None

    def _changed_files(self, number: int) -> Mapping[str, str | None]:
        """Of anybody's pull request: one that cannot be read holds nothing that is compared."""
        try:
            return self._repository.changed_files(number)
        except RateLimited:
            raise
        except CallFailed:
            return {}

    def _reviewed_result(self) -> StoredResult | None:
        """What came of the round whose patch a review asked this one to replace; None for other
        jobs."""
        assignment, store = self._assignment, self._forge.store
        if assignment.cause is not Cause.REVIEW or assignment.replaces is None:
            return None
        last_round = job_of_push(store, assignment.repository, assignment.replaces)
        return None if last_round is None else store.result(last_round)

    def _leaves_more_red(self, reviewed_result: StoredResult) -> bool:
        """Whether tests stay red with the patch that pass with the reviewed one."""
        result, _ = parse_result(reviewed_result.result_json)
        return not _still_red(self._ended.result) <= _still_red(result)

    def _push(self, changes: Mapping[str, FileChange], head: str | None) -> bool:
        """False where the branch, now at `head`, holds what this service did not put there."""
        assignment = self._assignment
        commit = self._source.commit(
            assignment.commit,
            changes,
            commit_message(assignment, self._ended.result),
            self._author(self._ended.job),
        )
        own_commits = pushed_to(self._forge.store, assignment.repository, assignment.branch)
        if head not in (None, commit, assignment.replaces, *own_commits):
            return False

        def push() -> str:
            self._repository.push(self._source, commit, assignment.branch, head)
            return commit

        self._once(
            f"{PUSH_EFFECT_PREFIX}{assignment.job_id} {commit}",
            find=lambda: commit if self._repository.head_of(assignment.branch) == commit else None,
            make=push,
        )
        return True

    def _author(self, job: Job) -> Author:
        """The author of the commit, with the job's own time: the same patch is the same commit,
        however often it is made."""
        return Author(
            name="Repair",
            email=self._forge.author_email,
            date=f"{int(job.created_at.timestamp())} +0000",
        )

    def _pull(self, head_line: str, body: str) -> Pull:
        """The pull request of the branch, opened or brought up to date."""
        assignment, repository = self._assignment, self._repository
        new_pulls: list[Pull] = []

        def find() -> int | None:
            pull = repository.pull_of_branch(assignment.branch)
            return None if pull is None else pull.number

        def make() -> int:
            pull = repository.open_pull(
                title=head_line, body=body, head=assignment.branch, base=assignment.base_branch
            )
            new_pulls.append(pull)
            return pull.number

        key = f"{self._forge.name} pull {assignment.repository} {assignment.branch}"
        number, _ = self._once(key, find=find, make=make)
        if new_pulls:
            return new_pulls[0]
        return repository.edit_pull(int(number), title=head_line, body=body)
