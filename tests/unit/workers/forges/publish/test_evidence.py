"""What people read on GitHub: comments, check runs, and the description of a pull request."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from agent import wording
from agent.baseline.evidence import BaselineEvidence
from agent.patches.changes import diff_text, unified_diff
from agent.records import (
    Baseline,
    BehaviourDifference,
    CandidatePatch,
    ChangedAnswer,
    GeneratedTest,
    PlausiblePatch,
    RejectedPatch,
    RepairJob,
    RepairResult,
    Status,
    SuspiciousLine,
    Verdict,
)
from agent.runs.result_file import Evidence
from sandbox.runners.base import Outcome, TestResult
from tests.support.cli_records import plausible_in_part, plausible_result, with_answers
from workers.forges.api.markdown import MAX_CHECK_BYTES, fit, utf8_size
from workers.forges.intake.assignment import Assignment
from workers.forges.publish.check_run import changed, check_run
from workers.forges.publish.comment import STAGES, progress_comment, result_comment
from workers.forges.publish.description import commit_message, description, title
from workers.forges.publish.evidence import findings
from workers.forges.publish.explanation import before_and_after
from workers.forges.publish.finished_job import FinishedJob
from workers.forges.publish.links import Links
from workers.forges.webhook.trigger import Cause
from workers.jobs.progress import STAGES as STAGES_OF_A_REPAIR
from workers.records import Job, JobRequest, JobState


def test_a_generated_test_is_named_and_shown_apart_from_the_patch() -> None:
    written = GeneratedTest(
        path="tests/test_issue_1.py",
        text="def test_example_1():\n    assert area(2) == 4\n",
        test_ids=("tests/test_issue_1.py::test_example_1",),
        author="the issue's examples",
        claims=("`area(2)` gives `4`",),
    )
    result = RepairResult(
        run_id="r",
        status=Status.NOT_REPAIRED,
        reason="none was found",
        baseline=Baseline(failing=written.test_ids, passing=("tests/test_a.py::test_a",)),
        generated_tests=(written,),
    )
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    summary = str(check_run(assignment(), job(), ended)["output"]["summary"])
    assert "It is no part of the patch" in summary
    assert "tests/test_issue_1.py" in summary
    assert "area(2)" in summary
    assert "assert area(2) == 4" in summary


@pytest.mark.parametrize("text", ["語" * 60_000, "x" * 200_000, "😀" * 40_000])
def test_a_check_run_is_counted_in_bytes(text: str) -> None:
    result = plausible_result()
    assert result.patch is not None
    patch = replace(result.patch, diff=f"{result.patch.diff}+{text}\n")
    ended = FinishedJob(
        job=job(), result=replace(result, patch=patch, reason=text), evidence=None, patch=None
    )
    output = check_run(assignment(), job(), ended)["output"]
    for part in ("summary", "text"):
        assert 0 < len(output[part].encode()) <= 65_535
    assert 0 < len(fit([text], MAX_CHECK_BYTES, utf8_size).encode()) <= MAX_CHECK_BYTES


def test_a_file_name_that_is_no_text_gets_no_annotation() -> None:
    lines = tuple(
        SuspiciousLine(path=path, line=2, last_line=2, score=0.5, ochiai=0.5, dstar=0.5)
        for path in ("caf\udce9.py", "café.py")
    )
    result = RepairResult(
        run_id="r",
        status=Status.NOT_REPAIRED,
        reason="none was found",
        baseline=Baseline(failing=("t.py::t",), passing=()),
        suspicious=lines,
    )
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    check = check_run(assignment(), job(), ended)
    assert [note["path"] for note in check["output"]["annotations"]] == ["café.py"]
    assert json.dumps(check, ensure_ascii=False).encode()


def test_a_plausible_patch_says_so_everywhere_and_closes_no_issue() -> None:
    result = plausible_result()
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    assert title(result).startswith("Plausible, 45 % sure: ")
    body = description(assignment(), ended, Links())
    assert "Fixes #" not in body
    assert "45 % sure" in body
    assert "should `f(3)` be 0" in body
    check = check_run(assignment(), job(), ended)
    assert "may well be wrong" in check["output"]["title"]
    assert check["conclusion"] == "neutral"
    assert "How sure" in result_comment(assignment(), ended, Links())


def test_a_plausible_patch_in_part_says_both_and_whether_its_figure_was_calibrated() -> None:
    result = plausible_in_part()
    assert result.patch is not None
    assert result.patch.confidence is not None
    sure = replace(result.patch.confidence, calibrated=False)
    result = replace(result, patch=replace(result.patch, confidence=sure))
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    words = "Plausible in part, 45 % sure (not calibrated): "
    assert title(result).startswith(words)
    assert commit_message(assignment(), result).startswith(words)
    for text in (
        check_run(assignment(), job(), ended)["output"]["title"],
        result_comment(assignment(), ended, Links()),
    ):
        assert "some of the failing tests pass, leaves others red, and may well be wrong" in text


def test_how_the_model_came_to_it_is_told_in_the_details_within_bounds() -> None:
    result = RepairResult(run_id="r", status=Status.REPAIRED, reason="")
    lines = tuple(f"model, turn {n}: answer: bash `x` @you {'y' * 200}" for n in range(400))
    evidence = Evidence(target="t", trajectory=lines)
    ended = FinishedJob(job=job(), result=result, evidence=evidence, patch=None)
    text = check_run(assignment(), job(), ended)["output"]["text"]
    start = text.index("How the model came to it (400 steps)")
    shown = text[start : text.index("</details>", start)]
    assert "model, turn 0" in shown
    assert len(shown) < 9_000
    assert "model, turn 0" not in description(assignment(), ended, Links())
    assert "model, turn 1:" not in ended.document("https://example.org/o/n")


def test_notes_stand_on_the_lines_that_a_patch_changes() -> None:
    lines = [f"line {n}\n".encode() for n in range(1, 60)]
    new = [*lines[:9], b"-- changed\n", *lines[10:40], b"added\n", *lines[40:]]
    diff = unified_diff(
        {
            "a file.py": (b"".join(lines), b"".join(new)),
            "new.py": (None, b"x = 1\n"),
            "b.py": (b"-- 1\n", b"++ 1\n"),
        }
    )
    assert sorted(changed(diff_text(diff))) == [("a file.py", 10), ("a file.py", 41), ("b.py", 1)]


def assignment() -> Assignment:
    return Assignment(
        job_id="j",
        repository="o/n",
        target="#1",
        cause=Cause.LABEL,
        number=1,
        is_pull=False,
        is_fork=False,
        commit="c" * 40,
        base_branch="main",
        branch="repair/j",
        asked_by=None,
    )


def job() -> Job:
    return Job(
        id="j",
        request=JobRequest(repair=RepairJob(run_id="r", target="t"), repository="o/n"),
        state=JobState.ENDED,
        outcome=Status.NOT_REPAIRED,
        reason="",
        attempts=1,
        crashes=0,
        waits=0,
        cancel_requested=False,
        created_at=datetime.now(UTC),
        started_at=None,
        ended_at=None,
        not_before=None,
        deadline_at=None,
        worker=None,
        tokens=0,
        gpu_seconds=0.0,
        candidates_tried=0,
    )


def in_part() -> FinishedJob:
    patch = PlausiblePatch(
        candidate=CandidatePatch(
            edits=(), proposer="search", operator="o", description="`<` → `<=` in a.py:3"
        ),
        diff="",
        verdict=Verdict(plausible=True, fail_to_pass={"t::a": "passed"}, pass_to_pass={}),
    )
    taken = Baseline(
        failing=("t::a",),
        passing=("p",),
        set_aside={"t::b": "no patch was found for it", "t::net": "no network"},
        still_red=("t::b",),
    )
    result = RepairResult(
        run_id="r",
        status=Status.REPAIRED_IN_PART,
        reason=f"`<` → `<=` in a.py:3; {wording.in_part(taken)}",
        patch=patch,
        baseline=taken,
    )
    return FinishedJob(job=job(), result=result, evidence=None, patch=b"diff")


def test_what_a_generated_test_does_not_say_is_left_out() -> None:
    made = GeneratedTest(path="t/a.py", text="x = 1", test_ids=("a",), author="x", claims=("c",))
    cases = {
        made: ("so one was made, by `x`.", "It stood in `t/a.py` and asks for:\n\n- `c`"),
        replace(made, claims=()): ("It stood in `t/a.py`.\n\n<details>",),
        replace(made, claims=(" ", "c")): ("and asks for:\n\n- `c`",),
        replace(made, claims=(), text=" \n"): ("It stood in `t/a.py`.\n\n**What failed",),
        replace(made, author=""): ("so one was made. It is no part",),
    }
    for test, sentences in cases.items():
        result = RepairResult(
            run_id="r",
            status=Status.NOT_REPAIRED,
            reason="none was found",
            baseline=Baseline(failing=("a",), passing=()),
            generated_tests=(test,),
        )
        ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
        text = "\n\n".join(part for part in findings(assignment(), ended) if part)
        for sentence in sentences:
            assert sentence in text
        assert "` `" not in text
        assert "```python\n\n```" not in text


def test_no_block_without_content_is_opened_by_a_click() -> None:
    nothing = RejectedPatch(description="d", proposer="model", diff="", objections=())
    failure = TestResult(test_id="a", outcome=Outcome.FAILED)
    baseline = Baseline(failing=("a",), passing=())
    result = RepairResult(
        run_id="r", status=Status.NOT_REPAIRED, reason="", baseline=baseline, rejected=nothing
    )
    evidence = Evidence(
        target="t", baseline=BaselineEvidence(baseline=baseline, failures={"a": failure})
    )
    ended = FinishedJob(job=job(), result=result, evidence=evidence, patch=None)
    text = "\n\n".join(part for part in findings(assignment(), ended) if part)
    assert "**Nearest**, and rejected: `d`" in text
    assert "- `a`" in text, "a failure without a message is named all the same"
    assert "<details>" not in text


def test_a_repair_in_part_says_so_wherever_it_is_read() -> None:
    ended, empty = in_part(), Links()
    texts = {
        "check": str(check_run(assignment(), job(), ended)["output"]),
        "comment": result_comment(assignment(), ended, empty),
        "pull": description(assignment(), ended, empty),
    }
    for name, text in texts.items():
        assert "**Still red**: 1 of 2 failing tests passes with it, and 1 stays red" in text, name
        assert "t::b: no patch was found for it" in text, name
        assert "**What failed before**: 2 of 3 tests" in text, name
        still_red, _, set_aside = text.rpartition("Set aside")
        assert "no network" in set_aside, name
        assert "no network" not in still_red, name
    assert "A patch makes some of the failing tests pass, and others stay red" in texts["comment"]
    assert "makes some of the failing tests pass, leaves others red, and breaks" in texts["pull"]
    assert "Fixes #1" not in texts["pull"], "merging it must not close the issue"
    assert "For #1" in texts["pull"]
    assert title(ended.result).startswith("Repair in part: ")
    stood_in = replace(ended.result, baseline=None, unshown="it holds no example")
    pull = description(assignment(), replace(ended, result=stood_in), empty)
    assert "is shown by no test" in pull
    assert "it holds no example" in pull
    assert "For #1" in pull, "nor where other tests stood in for it"
    assert "Still red:\n- t::b" in commit_message(assignment(), ended.result)


def of_the_issue(*, passes: bool) -> FinishedJob:
    made = GeneratedTest(
        path="tests/test_issue_1.py", text="", test_ids=("i::a",), author="x", claims=()
    )
    repaired = {"i::a": "passed"} if passes else {"t::a": "passed"}
    answers = (ChangedAnswer(call="f(1)", before="2", after="3"),)
    spread = BehaviourDifference(compared=16, changed=10, example="f(1)", answers=answers)
    verdict = Verdict(
        plausible=True,
        fail_to_pass=repaired,
        pass_to_pass={"p": "passed"},
        unchecked=("no second run with @somebody",),
        spread=spread,
        repeated=5,
    )
    candidate = CandidatePatch(
        edits=(), proposer="search", operator="x", description="`<=` → `<` in a.py:3"
    )
    patch = PlausiblePatch(candidate=candidate, diff="", verdict=verdict)
    result = RepairResult(
        run_id="r", status=Status.REPAIRED, reason="", patch=patch, generated_tests=(made,)
    )
    return FinishedJob(job=job(), result=result, evidence=None, patch="diff")


def test_only_a_test_of_the_issue_closes_it() -> None:
    shown = description(assignment(), of_the_issue(passes=True), Links())
    assert "Fixes #1" in shown
    for other in (
        of_the_issue(passes=False),
        replace(
            of_the_issue(passes=True),
            result=replace(of_the_issue(passes=True).result, generated_tests=()),
        ),
    ):
        text = description(assignment(), other, Links())
        assert "Fixes #1" not in text
        assert "For #1" in text


def test_what_was_wrong_and_what_was_checked() -> None:
    text = description(assignment(), of_the_issue(passes=True), Links())
    assert "**What was wrong**: `i::a` failed; the change is `` `<=` → `<` in a.py:3 ``." in text
    assert (
        "**Before and after**, on calls that no test makes:\n\n"
        "```\ncall  before  after\nf(1)  2       3\n```"
    ) in text
    assert "1 failing test passes and 1 other still does; again in 5 more runs" in text
    assert "of 16 generated calls that no test makes, 10 end otherwise than before." in text
    assert "**Not checked**\n\n- `no second run with @somebody`" in text


def test_no_answer_of_the_target_leaves_the_table() -> None:
    answers = (
        ("f('```')", "a | b\n@somebody", "ghp_" + "a" * 60),
        ("g(\u202e1)", "\x1b[2J", "2"),
    )
    patch = with_answers(plausible_result(), *answers).patch
    assert patch is not None
    text = before_and_after(patch.verdict)
    assert text.partition("\n\n")[2].splitlines() == [
        "````",
        "call      before            after",
        "f('```')  a | b\\n@somebody  [redacted]",
        "g(1)      [2J               2",
        "````",
    ]


def test_a_pull_request_is_short_and_says_where_the_rest_is() -> None:
    ended = of_the_issue(passes=True)
    links = Links(check="https://example.org/o/n/runs/5", page="https://repair.example.org/jobs/j")
    text = description(assignment(), ended, links)
    assert '"schema"' not in text, "it becomes the message of a squashed commit"
    assert len(text) < 2_000
    assert "[details of the check run](https://example.org/o/n/runs/5)" in text
    assert "[Job `j`](https://repair.example.org/jobs/j) on commit `cccccccccccc`" in text
    without_checks = description(assignment(), ended, Links())
    assert "service (`/api/v1/jobs/j/result`)" in without_checks
    assert '"schema": "repair-result/1"' in check_run(assignment(), job(), ended)["output"]["text"]


def test_the_comment_beside_a_pull_request_says_what_decides_and_no_more() -> None:
    ended = of_the_issue(passes=True)
    text = result_comment(assignment(), ended, Links(pull=7))
    for part in ("#7", "**What was wrong**: `i::a` failed", "**How sure**: not measured"):
        assert part in text
    assert "**Checked**" not in text
    assert len(text) < 500
    asked = FinishedJob(job=job(), result=plausible_result(), evidence=None, patch=None)
    assert "should `f(3)` be 0" in result_comment(assignment(), asked, Links(pull=7))
    red = result_comment(assignment(), in_part(), Links(pull=7))
    assert "t::b: no patch was found for it" in red, "nobody takes it for a whole repair"


def test_the_reasons_of_a_figure_stand_on_their_sides() -> None:
    result = plausible_result()
    assert result.patch is not None
    assert result.patch.confidence is not None
    sure = replace(result.patch.confidence, reasons=("+ 3 pass", "- one differs", "it changes 2"))
    result = replace(result, patch=replace(result.patch, confidence=sure))
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    text = description(assignment(), ended, Links())
    assert "- for: `3 pass`\n- against: `one differs`\n- `it changes 2`" in text
    assert "- a question to you: ``should `f(3)` be 0" in text


@pytest.mark.parametrize("stage", list(STAGES))
def test_each_stage_is_told_with_the_page(stage: str) -> None:
    running = replace(job(), state=JobState.RUNNING)
    page = "https://repair.example.org/jobs/j"
    text = progress_comment(assignment(), running, None, stage, page)
    assert STAGES[stage] in text
    assert f"]({page})" in text
    check = check_run(assignment(), running, None, stage=stage, page=page)
    assert (check["output"]["summary"], check["details_url"]) == (STAGES[stage], page)


def test_the_stages_that_are_told_are_those_of_a_repair() -> None:
    assert {*STAGES_OF_A_REPAIR, "reproduce"} == set(STAGES)


@pytest.mark.parametrize("state", list(JobState))
def test_no_sentence_of_a_state_is_left_empty(state: JobState) -> None:
    text = progress_comment(assignment(), replace(job(), state=state, reason=""), 3)
    assert "` `" not in text
    assert ": ." not in text


def test_an_unconfirmed_patch_is_no_place_to_begin_at() -> None:
    ended = of_the_issue(passes=True)
    result = replace(ended.result, status=Status.BUDGET_EXHAUSTED)
    text = result_comment(assignment(), replace(ended, result=result), Links())
    assert "passed the verdict once" in text


def test_the_nearest_patch_that_was_rejected_is_shown() -> None:
    near = RejectedPatch(
        description="`<` → `<=`", proposer="model", diff="-a\n+b\n", objections=("t::b broke",)
    )
    result = RepairResult(run_id="r", status=Status.NOT_REPAIRED, reason="", rejected=near)
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    text = result_comment(assignment(), ended, Links())
    assert "**Nearest**, and rejected" in text
    assert "t::b broke" in text
    assert "+b" in text


@pytest.mark.parametrize("unchanged", [True, False])
def test_a_review_is_answered_with_no_because(unchanged: bool) -> None:
    endings = {"model_endings": "it gave up: the test asks for the opposite @you"}
    evidence = Evidence(target="t", facts=endings)
    result = (
        plausible_result()
        if unchanged
        else RepairResult(run_id="r", status=Status.NOT_REPAIRED, reason="none passed")
    )
    ended = FinishedJob(job=job(), result=result, evidence=evidence, patch="diff")
    asked = replace(assignment(), cause=Cause.REVIEW, is_pull=True)
    text = result_comment(asked, ended, Links(unchanged=unchanged))
    assert "**No, because**" in text
    assert "The model says: `it gave up: the test asks for the opposite @you`" in text
    assert "The pull request stays as it is." in text
    assert ("came to the patch that you reviewed" in text) is unchanged
    left_out = "no other patch passed the verdict (what was reviewed is left out)"
    assert (left_out in text) is not unchanged
    assert "@you" not in _outside_code(text)
    assert "No, because" not in result_comment(assignment(), ended, Links())


HOSTILE = "[click](//evil) ![x](//evil/x.png) <details> <!-- @you #7"


def _outside_code(text: str) -> str:
    return re.sub(r"(`+)[^`].*?(?<!`)\1(?!`)", "", text, flags=re.DOTALL)


@pytest.mark.parametrize("state", [JobState.CANCELLED, JobState.DEAD])
def test_a_reason_is_shown_and_not_rendered(state: JobState) -> None:
    text = progress_comment(assignment(), replace(job(), state=state, reason=HOSTILE), None)
    assert HOSTILE in text
    assert "evil" not in _outside_code(text)


def test_the_author_of_a_test_is_shown_and_not_rendered() -> None:
    written = GeneratedTest(path="t.py", text="", test_ids=(), author=HOSTILE, claims=())
    result = RepairResult(
        run_id="r", status=Status.NOT_REPAIRED, reason="", generated_tests=(written,)
    )
    ended = FinishedJob(job=job(), result=result, evidence=None, patch=None)
    text = result_comment(assignment(), ended, Links())
    assert HOSTILE in text
    assert "evil" not in _outside_code(text)


@pytest.mark.parametrize("name", ["t[skip ci]", "t[ci\tskip]", "t[no ci]", "skip-checks: true"])
def test_title_and_message_switch_off_no_checks(name: str) -> None:
    result = plausible_result()
    assert result.patch is not None
    verdict = replace(result.patch.verdict, fail_to_pass={name: 1})
    candidate = replace(result.patch.candidate, description=name)
    result = replace(result, patch=replace(result.patch, verdict=verdict, candidate=candidate))
    for text in (title(result), commit_message(assignment(), result)):
        assert " ".join(name.split()) in text.replace("\N{WORD JOINER}", "")
        assert not re.search(r"\[(skip ci|ci skip|no ci)\]|skip-checks:", text)


ACTING = re.compile(
    r"(?im)\[(?:skip ci|ci skip|no ci)\]|skip-checks:|^co-authored-by:|^BREAKING CHANGE:"
    r"|\b(?:fix|close|resolve)[sd]?:?\s+(?:\w+/\w+)?(?:#|GH-|https://github\.com/o/n/issues/)\d"
)
"""What acts in the message of a squashed pull request."""
IN_A_BODY = [
    *("[skip ci]", "[ci skip]", "[no ci]", "skip-checks: true", "Fixes #7", "closes: o/n#7"),
    *("resolves GH-7", "fixed https://github.com/o/n/issues/7", "fix\n#7"),
    *("Co-authored-by: E <e@x>", "BREAKING CHANGE: all"),
]


@pytest.mark.parametrize("text", IN_A_BODY)
def test_a_description_that_becomes_a_commit_message_does_nothing(text: str) -> None:
    result = plausible_result()
    assert result.patch is not None
    test_id = f"t[{text}]"
    verdict = replace(
        result.patch.verdict,
        fail_to_pass={test_id: "passed"},
        unchecked=(text,),
        objections=(text,),
    )
    candidate = replace(result.patch.candidate, description=text)
    patch = replace(result.patch, verdict=verdict, candidate=candidate, cautions=(text,))
    written = GeneratedTest(
        path="t.py", text=f"x = 1\n{text}\n", test_ids=(test_id,), author=text, claims=(text,)
    )
    result = replace(result, patch=patch, generated_tests=(written,), unshown="")
    evidence = Evidence(target="/x", trajectory=(text, f"model: {text}"))
    ended = FinishedJob(job=job(), result=result, evidence=evidence, patch=None)
    body = description(replace(assignment(), number=None), ended, Links())
    assert not ACTING.search(body)
    assert text in body.replace("\N{WORD JOINER}", "")
    details = check_run(assignment(), job(), ended)["output"]["text"]
    block = re.search(r"```json\n(.*?)\n```", details, re.DOTALL)
    assert block is not None
    assert json.loads(block[1])["result"]["patch"]["candidate"]["description"] == text
