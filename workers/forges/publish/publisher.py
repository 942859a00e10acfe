"""Shows a job where it came from: comment, check run, and the patch as a proposal.

It runs no code of the repository and is the only place that writes there.
"""

from __future__ import annotations

import logging

from workers.forges.api.exactly_once import Once
from workers.forges.api.markdown import marker
from workers.forges.errors import LASTING_ERRORS, NotVisible
from workers.forges.forge import Forge
from workers.forges.intake.assignment import Assignment
from workers.forges.intake.pinned_target import head_of_target
from workers.forges.intake.targets import assignment_of
from workers.forges.publish.check_run import check_run
from workers.forges.publish.comment import moved, progress_comment, result_comment
from workers.forges.publish.finished_job import FinishedJob, finished
from workers.forges.publish.links import Links
from workers.forges.publish.proposal import Proposal
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import Cause, Trigger
from workers.records import Job

log = logging.getLogger(__name__)


class Publisher:
    """Publishes jobs of one forge."""

    def __init__(self, forge: Forge) -> None:
        self._forge = forge
        self._store = forge.store

    def publish(self, job_id: str) -> None:
        """Make the forge show the job as it is now. Raises ForgeError; `retryable` says more."""
        assignment = assignment_of(self._store, job_id)
        if assignment is None:
            return
        publication = _Publication(self._forge, assignment)
        while True:
            job = self._store.job(job_id)
            publication.show(job, self._store.stage(job_id))
            if self._store.job(job_id).state is job.state:
                return  # else it moved on while an older state was being written


class _Publication:
    """Publishes one job: its check run, comment and pull request."""

    def __init__(self, forge: Forge, assignment: Assignment) -> None:
        self._forge = forge
        self._store = forge.store
        self._assignment = assignment
        self._repository = forge.repository(assignment.repository)
        self._once = Once(forge.store, assignment.job_id)

    def show(self, job: Job, stage: str) -> None:
        finished_job = finished(self._store, job)
        if finished_job is not None:
            self._finished(finished_job)
            return
        self._check(job, None, stage)
        position = self._store.position(job.id)
        page = self._forge.page_of(job.id)
        self._comment(job, progress_comment(self._assignment, job, position, stage, page))

    def _finished(self, finished_job: FinishedJob) -> None:
        assignment = self._assignment
        head = head_of_target(assignment, self._repository)
        tries_again = self._worth_taking_again(finished_job, head)
        notice = (
            "" if head == assignment.commit else moved(assignment, head, tries_again=tries_again)
        )
        proposal = Proposal(self._forge, assignment, self._once, finished_job)
        check = self._check(finished_job.job, finished_job)
        page = self._forge.page_of(finished_job.job.id)
        links = Links(moved=notice, page=page, check=check, wording=self._forge.wording)
        links = proposal.deliver(links)
        self._comment(finished_job.job, result_comment(assignment, finished_job, links))
        if tries_again:
            self._take_again(finished_job, head)

    def _worth_taking_again(self, finished_job: FinishedJob, head: str | None) -> bool:
        """Once for a patch: a busy branch moves for ever."""
        assignment = self._assignment
        policy = self._forge.policies.of(assignment.repository)
        has_moved = head not in (None, assignment.commit)
        is_first = assignment.cause is not Cause.MOVED
        return (
            has_moved and is_first and finished_job.patch is not None and policy.allows(Cause.MOVED)
        )

    def _take_again(self, finished_job: FinishedJob, head: str | None) -> None:
        """Ask for the verdict on the newest commit, by a delivery of our own."""
        assignment = self._assignment
        trigger = Trigger(
            cause=Cause.MOVED,
            repository=assignment.repository,
            number=assignment.number,
            is_pull=assignment.is_pull,
            sign=assignment.sign,
            branch=assignment.branch,
            commit=head,
            actor=assignment.asked_by,
            actor_id=assignment.asked_by_id,
            statement=finished_job.job.request.repair.problem_statement,
        )
        occasion = f"{assignment.job_id} {finished_job.patch_digest}"
        delivery = Delivery.of_own("moved", assignment.repository, occasion)
        self._forge.inbox.record(delivery, trigger)

    def _comment(self, job: Job, body: str) -> None:
        thread = self._assignment.thread
        if thread is None:
            return
        comment_id, is_new = self._once(
            f"{self._forge.name} comment {job.id}",
            find=lambda: self._repository.comment_with(thread, marker("status", job.id)),
            make=lambda: self._repository.comment(thread, body),
        )
        if not is_new:
            try:
                self._repository.edit_comment(thread, int(comment_id), body)
            except NotVisible:
                log.info("job %s: its comment was deleted", job.id)

    def _check(self, job: Job, finished_job: FinishedJob | None, stage: str = "") -> str:
        """Address of the check run, brought up to date; empty where there can be none."""
        if not self._forge.has_checks:
            return ""
        commit, name = self._assignment.commit, self._assignment.repository
        check = check_run(
            self._assignment,
            job,
            finished_job,
            stage=stage,
            page=self._forge.page_of(job.id),
            url=self._forge.clone_url(name),
        )
        try:
            check_id, is_new = self._once(
                f"{self._forge.name} check {job.id}",
                find=lambda: self._repository.check_with(commit, check),
                make=lambda: self._repository.create_check(commit, check),
            )
            if not is_new:
                self._repository.update_check(check_id, commit, check)
        except LASTING_ERRORS as error:
            log.warning("job %s: no check run: %s", job.id, error)
            return ""
        return self._forge.check_of(name, check_id)
