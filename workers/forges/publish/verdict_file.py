"""The verdict as a file with which anybody can take it again, and how a model came to the patch.

Both are long, and stand in the details of the check run alone: the description of a pull request
becomes a commit message where it is squashed.
"""

from __future__ import annotations

import json

from agent.serialization import plain as as_plain
from agent.wording import counted
from workers.forges.api.markdown import code, code_block, details
from workers.forges.publish.finished_job import FinishedJob

MAX_VERDICT_CHARACTERS = 45_000
"""Characters of JSON; all of the details have 65,535."""
MAX_TRAJECTORY_CHARACTERS = 8_000


def verdict_file(finished_job: FinishedJob, url: str) -> str:
    """The result file where it is small enough, else the verdict alone. `url`: of the clone."""
    instruction = "To take it again, save it and run `repair verify FILE REPO` on a clone of yours."
    document = finished_job.document(url)
    if len(document) > MAX_VERDICT_CHARACTERS and finished_job.result.patch is not None:
        instruction = (
            f"To take it again, save {address(finished_job)} of the service and run "
            "`repair verify FILE REPO`."
        )
        document = json.dumps(as_plain(finished_job.result.patch.verdict))
    if len(document) > MAX_VERDICT_CHARACTERS:
        document = "too long to be shown here"
    block = code_block(document, "json", MAX_VERDICT_CHARACTERS)
    return details("The verdict", f"{instruction}\n\n{block}")


def address(finished_job: FinishedJob) -> str:
    """Where the service has the whole result file."""
    return code(f"/api/v1/jobs/{finished_job.job.id}/result")


def trajectory(finished_job: FinishedJob) -> str:
    """What was said between the repair and its model; empty where none was asked."""
    lines = finished_job.evidence.trajectory if finished_job.evidence else ()
    if not lines:
        return ""
    steps = counted(len(lines), "step")
    text = code_block("\n".join(lines), limit=MAX_TRAJECTORY_CHARACTERS)
    return details(f"How the model came to it ({steps})", text)
