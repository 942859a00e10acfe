"""Several commands as one run."""

from __future__ import annotations

from sandbox.base import CommandResult
from sandbox.runners.base import Outcome, RunProgress, TestReport, TestResult
from sandbox.runners.merged_reports import after, merged


def report(code: int = 0, collected: int | None = None, **outcomes: Outcome) -> TestReport:
    results = {name: TestResult(test_id=name, outcome=end) for name, end in outcomes.items()}
    return TestReport(
        results=results,
        collection_errors={f"m{code}": "x"} if code else {},
        finished=code != 3,
        collected=len(results) if collected is None else collected,
        command=CommandResult(exit_code=code, stdout=f"out{code}", stderr="", seconds=2.0),
    )


def test_a_test_that_two_ran_fails_where_one_failed() -> None:
    first = report(a=Outcome.PASSED, b=Outcome.FAILED)
    second = report(1, a=Outcome.ERROR, b=Outcome.PASSED, c=Outcome.SKIPPED)
    together = merged([first, second])
    ends = {name: result.outcome for name, result in together.results.items()}
    assert ends == {"a": Outcome.ERROR, "b": Outcome.FAILED, "c": Outcome.SKIPPED}
    assert together.collected == 3
    assert together.collection_errors == {"m1": "x"}
    command = together.command
    assert (command.exit_code, command.seconds, command.stdout) == (1, 4.0, "out0\nout1")
    assert together.finished
    assert not merged([first, report(3)]).finished


def test_progress_goes_on_after_the_first_command() -> None:
    told: list[RunProgress] = []
    tell = after([report(a=Outcome.FAILED, b=Outcome.PASSED)], told.append)
    assert tell is not None
    tell(RunProgress(done=1, failed=0, collected=5, running="c"))
    tell(RunProgress(done=0, failed=0, collected=None))
    assert told[0] == RunProgress(done=3, failed=1, collected=7, running="c")
    assert told[1].collected is None
