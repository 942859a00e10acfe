"""What is said back to a command: a reaction, or one comment."""

from __future__ import annotations

from workers.errors import JobNotFound
from workers.forges.api.markdown import code, marker
from workers.forges.api.repository import Repository
from workers.forges.forge import Forge
from workers.forges.intake.targets import newest_job
from workers.forges.publish.comment import progress
from workers.forges.publish.evidence import HEADLINES
from workers.forges.webhook.comment_command import Action, help_text
from workers.forges.webhook.trigger import Cause, Trigger
from workers.records import LIVE_STATES, Job, JobState
from workers.store.store import Store


def answer(delivery_id: str, trigger: Trigger, repository: Repository, forge: Forge) -> str:
    """Do what `cancel`, `status` or `help` asks for; return what that was."""
    if trigger.action is Action.CANCEL:
        return _cancel(trigger, repository, forge)
    text = _status(trigger, forge) if trigger.action is Action.STATUS else help_text(forge.wording)
    if trigger.hint:
        react(repository, trigger, "confused")
        text = f"{trigger.hint}\n\n{text}"
    reply(delivery_id, trigger, repository, text)
    return trigger.action.value


def reply(delivery_id: str, trigger: Trigger, repository: Repository, text: str) -> None:
    """Comment once; nobody reads answers to checks and the clock."""
    if trigger.thread is None or trigger.actor is None:
        return
    mark = marker("reply", delivery_id)
    if repository.comment_with(trigger.thread, mark) is None:
        repository.comment(trigger.thread, f"{mark}\n{text}")


def react(repository: Repository, trigger: Trigger, content: str) -> None:
    """Add a reaction to the comment that asked, if one did."""
    if trigger.comment_id is not None and trigger.thread is not None:
        in_review = trigger.cause is Cause.REVIEW
        repository.react(trigger.thread, trigger.comment_id, content, in_review=in_review)


def _cancel(trigger: Trigger, repository: Repository, forge: Forge) -> str:
    job = _newest(trigger, forge.store)
    if job is None or job.state not in LIVE_STATES:
        react(repository, trigger, "confused")
        return "nothing to cancel"
    forge.store.cancel(job.id, f"{trigger.actor} on {forge.wording.title}")
    react(repository, trigger, "+1")
    return f"cancel {job.id}"


def _status(trigger: Trigger, forge: Forge) -> str:
    store = forge.store
    job = _newest(trigger, store)
    if job is None:
        return "There has been no job here. `/repair help` says how to start one."
    page = forge.page_of(job.id)
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
