"""What the evaluator runs next: questions about the base before candidates."""

from __future__ import annotations

from sandbox.languages.python.guest_programs.evaluation.backlog import Backlog, Job

QUESTION: Job = {"number": -1, "probe": "alone"}


def candidate(number: int) -> Job:
    return {"number": number}


def test_candidates_that_come_back_do_not_stand_before_the_question_they_wait_for() -> None:
    """Two broke the same test in one moment: the first asked for it, the second only waits."""
    backlog = Backlog()
    backlog.add(candidate(1))
    backlog.add(candidate(2))
    first, second = backlog.take(), backlog.take()
    backlog.put_back(first)
    backlog.ask({**QUESTION})
    backlog.put_back(second)
    assert backlog.first() == QUESTION
    backlog.take()
    assert backlog.first() is None
    backlog.answered()
    assert [backlog.take()["number"], backlog.take()["number"]] == [2, 1]
    assert backlog.first() is None


def test_a_question_that_has_to_run_again_is_still_open() -> None:
    backlog = Backlog()
    backlog.add(candidate(1))
    backlog.ask({**QUESTION})
    backlog.put_back(backlog.take())
    assert backlog.take() == QUESTION
    assert backlog.first() is None


def test_forgetting_the_candidates_keeps_the_questions() -> None:
    backlog = Backlog()
    backlog.add(candidate(1))
    backlog.ask({**QUESTION})
    backlog.forget_candidates()
    assert backlog.take() == QUESTION
    backlog.answered()
    assert backlog.first() is None
