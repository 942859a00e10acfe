"""A patch beside other people's work: branches that move, pull requests, forks, further rounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from agent.records import Status
from tests.support.github_case import (
    CODE,
    MENDED,
    ONE_OF_EACH,
    Case,
    not_repaired,
    published,
    repaired,
    started,
)
from tests.support.github_payloads import commented, pull
from workers.records import Job

BROKEN = CODE + "\n\ndef mean(numbers):\n    return total(numbers) / 2\n"


def test_a_target_that_moved_is_said_so(case: Case) -> None:
    number, job = started(case)
    case.end(job)
    head = case.world.commit(case.repo, "main", {"other.py": "x = 1\n"}, "Meanwhile")
    case.publish()
    assert published(case.repo) == ONE_OF_EACH
    (comment,) = case.comments(number)
    (opened,) = case.repo.pulls.values()
    for said in (comment, opened["body"]):
        assert f"`main` is at `{head[:12]}` now" in said
        assert f"All this is about `{str(job.request.repair.at)[:12]}`" in said
        assert f"`/repair` in #{number} looks at the newest commit" in said
    assert "run the tests before you merge" in opened["body"]


def test_a_patch_whose_target_moved_is_judged_again_on_the_same_pull_request(
    open_case: Case,
) -> None:
    case = open_case
    number, job = started(case)
    case.end(job)
    head = case.world.commit(case.repo, "main", {"other.py": "x = 1\n"}, "Meanwhile")
    case.publish()
    case.publish()
    assert "Another job tries the patch there" in case.comments(number)[0]
    case.handle()
    second, first = case.store.jobs()
    asked = second.request.repair
    assert first.id == job.id
    assert asked.at == head
    assert asked.first_try == case.store.result(job.id).patch  # type: ignore[union-attr]
    assert asked.problem_statement == job.request.repair.problem_statement
    case.end(second)
    case.world.commit(case.repo, "main", {"other.py": "x = 2\n"}, "And again")
    case.publish(second.id)
    (opened,) = case.repo.pulls.values()
    assert case.repo.git("log", "-1", "--format=%P", opened["head"]["ref"]) == head
    assert second.id in opened["body"]
    case.handle()
    assert len(case.store.jobs()) == 2, "a busy branch moves for ever"


def test_a_target_that_is_gone_is_said_so(case: Case) -> None:
    number, job = started(case)
    case.end(job)
    case.repo.git("update-ref", "-d", "refs/heads/main")
    case.publish()
    (comment,) = case.comments(number)
    assert "`main` is gone now" in comment
    assert "No pull request could be made: `" in comment, "errors of others are not rendered"
    assert "```diff" in comment, "the patch is shown there instead"
    assert case.repo.pulls == {}


def test_a_branch_somebody_else_changed_is_left_alone(case: Case) -> None:
    number, job = started(case)
    case.end(job)
    theirs = case.world.commit(case.repo, f"repair/{job.id}", {"x.py": ""}, "Mine", start="main")
    case.publish()
    assert case.repo.tip(f"repair/{job.id}") == theirs
    assert "changed by somebody else" in case.comments(number)[0]


def on_pull(case: Case, *, fork: str | None = None) -> tuple[int, Job]:
    case.world.commit(case.repo, "feature", {"ledger.py": BROKEN}, "Mean", start="main")
    number = case.world.add_pull(case.repo, head="feature", base="main", author="dev", fork=fork)[
        "number"
    ]
    case.deliver("issue_comment", commented("/repair", number, on_pull=True))
    case.handle()
    return number, case.job()


def test_a_patch_on_a_pull_requests_own_lines_becomes_suggestions(case: Case) -> None:
    number, job = on_pull(case)
    mended = BROKEN.replace("/ 2", "/ len(numbers)")
    case.end(job, repaired(job.id, BROKEN, mended))
    case.publish()
    case.publish()
    (review,) = case.repo.reviews.values()
    (suggestion,) = review["comments"]
    assert (suggestion["path"], suggestion["line"]) == ("ledger.py", 6)
    assert suggestion["body"] == "```suggestion\n    return total(numbers) / len(numbers)\n```"
    assert len(case.repo.pulls) == 1
    assert "suggestions" in case.comments(number)[0]


def test_another_patch_after_a_retry_is_suggested_too(any_case: Case) -> None:
    case = any_case
    number, job = on_pull(case)
    for divisor in ("len(numbers)", "len(numbers)", "max(1, len(numbers))"):
        case.end(job, repaired(job.id, BROKEN, BROKEN.replace("/ 2", f"/ {divisor}")))
        case.publish()
        assert "suggestions below" in case.comments(number)[0]
        case.store.retry(job.id)
    bodies = [review["comments"][0]["body"] for review in case.repo.reviews.values()]
    assert ["max" in body for body in bodies] == [False, True], "and the same patch once"


def test_another_patch_after_a_retry_is_judged_on_the_newest_commit_too(open_case: Case) -> None:
    case = open_case
    _, job = started(case)
    for text, mended in (("x = 1\n", MENDED), ("x = 2\n", MENDED.replace("sum(", "+sum("))):
        head = case.world.commit(case.repo, "main", {"other.py": text}, "Meanwhile")
        case.end(job, repaired(job.id, CODE, mended))
        case.publish(job.id)
        case.publish(job.id)
        case.handle()
        again = [one for one in case.store.jobs() if one.request.repair.at == head]
        assert len(again) == 1
        case.store.cancel(again[0].id, "the test")
        case.store.retry(job.id)


def test_a_patch_elsewhere_becomes_a_pull_request_onto_the_branch(case: Case) -> None:
    case.world.commit(case.repo, "feature", {"other.py": "x = 1\n"}, "Other", start="main")
    pull = case.world.add_pull(case.repo, head="feature", base="main", author="dev")
    number = pull["number"]
    case.deliver("issue_comment", commented("/repair", number, on_pull=True))
    case.handle()
    job = case.job()
    case.end(job)
    case.publish()
    opened = case.repo.pulls[max(case.repo.pulls)]
    assert (opened["base"]["ref"], opened["head"]["ref"]) == ("feature", f"repair/{job.id}")
    assert f"For #{number}" in opened["body"]
    assert case.repo.reviews == {}


def test_a_fork_gets_words_and_no_branch(case: Case) -> None:
    number, job = on_pull(case, fork="mallory/ledger")
    case.end(job, repaired(job.id, BROKEN, "# far away\n" + BROKEN))
    case.world.commit(case.repo, "feature", {"z.py": ""}, "Moves")
    case.publish()
    assert case.repo.git("for-each-ref", "refs/heads/repair") == ""
    assert case.repo.reviews == {}
    assert "```diff" in case.comments(number)[-1]
    assert "comes from a fork" in case.comments(number)[-1]


def test_a_review_starts_another_round_on_the_same_branch(open_case: Case) -> None:
    case = open_case
    _, job = started(case)
    case.end(job)
    case.publish()
    (opened,) = case.repo.pulls.values()
    branch, first = opened["head"]["ref"], case.repo.tip(opened["head"]["ref"])
    review = {"id": 5, "state": "changes_requested", "body": "Keep the type"}
    payload = pull("submitted", opened["number"], ref=branch, sha=first, review=review)
    case.deliver("pull_request_review", payload)
    case.handle()
    second = case.store.jobs()[0]
    assert second.id != job.id
    assert second.request.repair.at == job.request.repair.at
    assert "Keep the type" in (second.request.repair.problem_statement or "")
    assert "-    return sum(numbers) - 1" in (second.request.repair.problem_statement or "")
    other = MENDED.replace("sum(numbers)", "int(sum(numbers))")
    case.end(second, repaired(second.id, CODE, other))
    case.publish(second.id)
    assert case.repo.git("show", f"{branch}:ledger.py") + "\n" == other
    assert len(case.repo.pulls) == 1
    assert second.id in case.repo.pulls[opened["number"]]["body"]


def test_a_round_that_comes_to_the_reviewed_patch_says_no_and_leaves_it(open_case: Case) -> None:
    case = open_case
    _, job = started(case)
    case.end(job)
    case.publish()
    (opened,) = case.repo.pulls.values()
    branch, tip = opened["head"]["ref"], case.repo.tip(opened["head"]["ref"])
    body = opened["body"]
    review = {"id": 5, "state": "changes_requested", "body": "Use a loop"}
    payload = pull("submitted", opened["number"], ref=branch, sha=tip or "", review=review)
    case.deliver("pull_request_review", payload)
    case.handle()
    second = case.store.jobs()[0]
    assert "give up with the reason" in (second.request.repair.problem_statement or "")
    case.end(second)
    case.publish(second.id)
    assert case.repo.tip(branch) == tip
    assert case.repo.pulls[opened["number"]]["body"] == body
    (answer,) = case.comments(opened["number"])
    assert "**No, because** the repair ran again with your words" in answer
    assert "The pull request stays as it is." in answer


def reviewed(case: Case, number: int, review_id: int) -> Job:
    """The newest job, once a review of the draft asks for changes."""
    branch = case.repo.pulls[number]["head"]["ref"]
    review = {"id": review_id, "state": "changes_requested", "body": f"No {review_id}"}
    payload = pull("submitted", number, ref=branch, sha=case.repo.tip(branch) or "", review=review)
    case.deliver("pull_request_review", payload)
    case.handle()
    return case.store.jobs()[0]


def patch_of(case: Case, job: Job) -> str:
    result = case.store.result(job.id)
    assert result is not None
    assert result.patch
    return result.patch


def test_no_round_may_come_to_a_patch_that_was_reviewed(open_case: Case) -> None:
    case = open_case
    _, first = started(case)
    case.end(first)
    case.publish()
    (number,) = case.repo.pulls
    assert first.request.repair.excluded == ()
    second = reviewed(case, number, 5)
    assert second.request.repair.excluded == (patch_of(case, first),)
    other = MENDED.replace("sum(numbers)", "int(sum(numbers))")
    case.end(second, repaired(second.id, CODE, other))
    case.publish(second.id)
    third = reviewed(case, number, 6)
    both = patch_of(case, second), patch_of(case, first)
    assert third.request.repair.excluded == both
    case.end(third, not_repaired(third.id))
    case.publish(third.id)
    last_comment = case.comments(number)[-1]
    assert "**No, because** no other patch passed the verdict" in last_comment
    fourth = reviewed(case, number, 7)
    assert set(fourth.request.repair.excluded) == set(both), "the round without a patch hides none"
    statement = fourth.request.repair.problem_statement or ""
    assert "int(sum(numbers))" in statement, "the patch that is on the branch is the one reviewed"


def test_a_round_that_repairs_less_leaves_the_reviewed_patch(open_case: Case) -> None:
    case = open_case
    _, first = started(case)
    case.end(first)
    case.publish()
    ((number, opened),) = case.repo.pulls.items()
    tip = case.repo.tip(opened["head"]["ref"])
    second = reviewed(case, number, 5)
    result = repaired(second.id, CODE, MENDED.replace("sum(numbers)", "int(sum(numbers))"))
    assert result.baseline is not None
    red = replace(result.baseline, set_aside={"t::other": "apart"}, still_red=("t::other",))
    case.end(second, replace(result, status=Status.REPAIRED_IN_PART, baseline=red))
    case.publish(second.id)
    assert case.repo.tip(opened["head"]["ref"]) == tip
    last_comment = case.comments(number)[-1]
    assert "**No, because** the other patch that was found leaves tests red" in last_comment
    assert "+    return int(sum(numbers))" in last_comment


def test_a_branch_with_commits_of_others_gets_no_second_round(open_case: Case) -> None:
    case = open_case
    _, job = started(case)
    case.end(job)
    case.publish()
    (opened,) = case.repo.pulls.values()
    case.world.commit(case.repo, opened["head"]["ref"], {"mine.py": ""}, "Mine")
    review = {"id": 5, "state": "changes_requested", "body": "More"}
    payload = pull("submitted", opened["number"], ref=opened["head"]["ref"], review=review)
    case.deliver("pull_request_review", payload)
    case.handle()
    case.job()
    assert "commits of others" in case.comments(opened["number"])[0]


def test_what_became_of_the_pull_request_is_kept_with_its_job(case: Case) -> None:
    _, job = started(case)
    case.end(job)
    case.publish()

    def tell(action: str, name: str = "acme/ledger", **said: object) -> bool | None:
        payload = pull(action, 2, name, ref=f"repair/{job.id}")
        payload["pull_request"] |= said
        assert case.deliver("pull_request", payload)["status_code"] == 200
        return case.store.job(job.id).merged

    assert case.store.job(job.id).merged is None
    assert tell("closed", "acme/other", state="closed", merged=True) is None, (
        "of another repository"
    )
    assert tell("closed", state="closed", merged=False) is False
    assert tell("reopened", merged=False) is None
    assert tell("closed", state="closed", merged=True) is True
    (ended,) = case.store.recent(None, timedelta(days=1)).jobs
    assert ended.merged is True
