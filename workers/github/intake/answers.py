"""What is said back to a command: a reaction, or one comment."""

from __future__ import annotations

from workers.errors import JobNotFound
from workers.github.api.markdown import code, marker
from workers.github.api.repository import Repository
from workers.github.connection import GitHub
from workers.github.intake.targets import newest_job
from workers.github.publish.comment import progress
from workers.github.publish.evidence import HEADLINES
from workers.github.webhook.comment_command import HELP_TEXT, Action
from workers.github.webhook.trigger import Cause, Trigger
from workers.records import LIVE_STATES, Job, JobState
from workers.store.store import Store


def answer(delivery_id: str, trigger: Trigger, repository: Repository, github: GitHub) -> str:
    """Do what `cancel`, `status` or `help` asks for; return what that was."""
    if trigger.action is Action.CANCEL:
        return _cancel(trigger, repository, github.store)
    text = _status(trigger, github) if trigger.action is Action.STATUS else HELP_TEXT
    if trigger.hint:
        react(repository, trigger, "confused")
        text = f"{trigger.hint}\n\n{text}"
    reply(delivery_id, trigger, repository, text)
    return trigger.action.value


def reply(delivery_id: str, trigger: Trigger, repository: Repository, text: str) -> None:
    """Comment once; nobody reads answers to checks and the clock."""
    if trigger.number is None or trigger.actor is None:
        return
    mark = marker("reply", delivery_id)
    if repository.comment_with(trigger.number, mark) is None:
        repository.comment(trigger.number, f"{mark}\n{text}")


def react(repository: Repository, trigger: Trigger, content: str) -> None:
    """Add a reaction to the comment that asked, if one did."""
    if trigger.comment_id is not None:
        in_review = trigger.cause is Cause.REVIEW
        repository.react(trigger.comment_id, content, in_review=in_review)


def _cancel(trigger: Trigger, repository: Repository, store: Store) -> str:
    job = _newest(trigger, store)
    if job is None or job.state not in LIVE_STATES:
        react(repository, trigger, "confused")
        return "nothing to cancel"
    store.cancel(job.id, f"{trigger.actor} on GitHub")
    react(repository, trigger, "+1")
    return f"cancel {job.id}"


def _status(trigger: Trigger, github: GitHub) -> str:
    store = github.store
    job = _newest(trigger, store)
    if job is None:
        return "There has been no job here. `/repair help` says how to start one."
    page = github.page_of(job.id)
    name = f"[Job {code(job.id)}]({page})" if page else f"Job {code(job.id)}"
    if job.state is JobState.ENDED and job.outcome is not None:
        return f"{name}: {HEADLINES[job.outcome]}. The status comment says more."
    return f"{name}: {progress(job, store.position(job.id), store.stage(job.id))}"


def _newest(trigger: Trigger, store: Store) -> Job | None:
    newest = newest_job(store, trigger.repository.lower(), trigger.target)
    try:
        return None if newest is None else store.job(newest)
    except JobNotFound:
        return None
