"""What a client of the API may ask for: nothing that reaches into the server."""

from __future__ import annotations

from dataclasses import replace

from agent.records import RepairJob
from sandbox.engines.choose import ENGINE_NAMES
from sandbox.git.login import kept_target
from workers.config import ServiceSettings
from workers.errors import BadRequest, NotAllowed, TargetRefused
from workers.jobs.submission_form import SubmissionForm
from workers.web.api.targets import check_python, check_target, root_of
from workers.web.auth.access import Caller
from workers.web.auth.scopes import Scope

ISOLATING_ENGINES = tuple(name for name in ENGINE_NAMES if name != "process")


def admit(
    form: SubmissionForm, caller: Caller, settings: ServiceSettings, run_id: str
) -> RepairJob:
    """Return the job as a worker may get it. Raises BadRequest, TargetRefused or NotAllowed.

    `install` and `test` need no rule: commands of a job only ever run inside its sandbox, and
    the sandbox that is none is refused here, for everybody.
    """
    if form.sandbox not in ISOLATING_ENGINES:
        raise BadRequest(f"sandbox must be one of {', '.join(ISOLATING_ENGINES)}")
    try:
        kept_target(form.target)
    except ValueError as error:
        raise TargetRefused(str(error)) from None
    if Scope.ADMIN in caller.scopes:
        return form.job(run_id)
    if form.model is not None or form.model_url is not None:
        # A checkpoint's path is a file of the server; a URL would be sent the server's API key.
        raise NotAllowed("naming a model needs the scope `admin`")
    check_python(form.python)
    target, reach = check_target(form.target, settings.root_folders, settings.host_names)
    root = root_of(target, settings.root_folders)
    below = None if root is None else str(root)
    return replace(form.job(run_id), target=target, reach=reach, root=below)
