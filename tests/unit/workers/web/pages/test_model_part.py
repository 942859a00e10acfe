"""The part of a job's page about the model."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from agent.records import RejectedPatch
from workers.web.pages.templates import fragment

REJECTED = RejectedPatch(
    description="the model's edit of <a>.py",
    proposer="model",
    diff="",
    objections=("it <broke> b",),
)


def part(**values: Any) -> str:
    base = {"rejected": None, "rejected_diff": [], "trajectory": (), "said": (), "job": JOB}
    return fragment("parts/model.html", **base | values)


JOB = SimpleNamespace(live=False)


def test_steps_and_the_rejected_patch_are_shown_as_text() -> None:
    html = part(rejected=REJECTED, rejected_diff=[("added", "+<b>")], trajectory=("bash \x1b<i>",))
    assert "edit of &lt;a&gt;.py" in html
    assert "it &lt;broke&gt; b" in html
    assert "+&lt;b&gt;" in html
    assert "1 step of its conversations" in html
    assert "bash \\x1b&lt;i&gt;" in html


def test_without_a_model_it_says_so() -> None:
    assert "It was not asked." in part()
    assert "once the job has ended" in part(job=SimpleNamespace(live=True))
