"""From what is recorded of an evaluation to its figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from agent.evaluation.log import LogContents
from agent.evaluation.records import ASKS_MODEL, Answer, Grade, GradeKind, Plan, Task
from agent.evaluation.report.summary import (
    FAILURE,
    KS,
    NOT_COUNTED,
    NOT_REPLAYABLE,
    UNGRADED,
    ClaimRow,
    Share,
    Summary,
    TaskRow,
)
from agent.evaluation.report.vendor_claims import SOURCE, claim_of
from agent.evaluation.report.verdict_on_claim import sentence
from agent.evaluation.statistics.intervals import design_effect, share_interval
from agent.evaluation.statistics.pass_at_k import mean_pass_at_k, pass_at_k
from agent.evaluation.suites.base import CorpusScored, Suite


def summarize(plan: Plan, suite: Suite, tasks: Sequence[Task], recorded: LogContents) -> Summary:
    """The figures of what is recorded so far."""
    rows = tuple(_row(task, recorded) for task in tasks)
    all_rows, rows = rows, tuple(row for row in rows if row.outcome not in NOT_COUNTED)
    counts = [(max(plan.samples, row.samples), row.solved) for row in rows]
    answers = [answer for task in tasks for answer in recorded.answers.get(task.task_id, ())]
    values = _by_group(rows, counts)
    solved_share = _share(rows, counts, 1)
    facts = suite.facts
    prompt = _prompt_tokens(answers)
    completion = sum(answer.completion_tokens for answer in answers)
    busy = busy_seconds([recorded.spans[t.task_id] for t in tasks if t.task_id in recorded.spans])
    is_timed = busy > 0 and all(t.task_id in recorded.spans for t in tasks if _asked(t, recorded))
    return Summary(
        plan=plan,
        title=facts.title,
        graded_by=facts.graded_by,
        rows=all_rows,
        solved=solved_share,
        pass_at={k: _share(rows, counts, k) for k in KS if k <= plan.samples},
        outcomes=_outcomes(tasks, recorded),
        groups=len(values),
        design_effect=design_effect(values),
        scores=_scores(suite, tasks, recorded),
        prompt_tokens=prompt,
        completion_tokens=completion,
        reasoning_tokens=sum(answer.reasoning_tokens for answer in answers),
        seconds=sum(answer.seconds for answer in answers),
        median_seconds=median([answer.seconds for answer in answers]) if answers else 0.0,
        answering_seconds=busy if is_timed else 0.0,
        tokens_per_second=completion / busy if is_timed and completion else None,
        gpu_seconds=busy * plan.gpus if is_timed and plan.gpus and completion else None,
        money=_money(plan, prompt, completion),
        claim=_claim(plan, solved_share, len(rows)),
        notes=_notes(plan, suite, all_rows, rows),
    )


def busy_seconds(spans: Sequence[tuple[float, float]]) -> float:
    """How long at least one of these lasted: those that overlap count once."""
    whole, until = 0.0, float("-inf")
    for begin, end in sorted(spans):
        whole += max(0.0, end - max(begin, until))
        until = max(until, end)
    return whole


def _asked(task: Task, recorded: LogContents) -> bool:
    """Whether anybody generated something for it."""
    return any(answer.completion_tokens for answer in recorded.answers.get(task.task_id, ()))


def _row(task: Task, recorded: LogContents) -> TaskRow:
    answers = recorded.answers.get(task.task_id, ())
    grades = [recorded.grades.get((task.task_id, answer.sample)) for answer in answers]
    first = grades[0] if grades else None
    outcome, why = _outcome(task, answers, first, recorded)
    return TaskRow(
        task_id=task.task_id,
        group=task.group,
        samples=len(answers),
        solved=sum(grade is not None and grade.solved for grade in grades),
        outcome=outcome,
        why=why,
        seconds=sum(answer.seconds for answer in answers),
        prompt_tokens=_prompt_tokens(answers),
        completion_tokens=sum(answer.completion_tokens for answer in answers),
        metrics=first.metrics if first else {},
    )


def _outcome(
    task: Task, answers: Sequence[Answer], first: Grade | None, recorded: LogContents
) -> tuple[str, str]:
    if answers:
        is_ungraded = any((a.task_id, a.sample) not in recorded.grades for a in answers)
        if first is None or is_ungraded:
            return UNGRADED, ""
        return first.kind.value, first.why
    why = recorded.failures.get(task.task_id)
    return (UNGRADED, "") if why is None else (FAILURE, why)


def _outcomes(tasks: Sequence[Task], recorded: LogContents) -> Mapping[str, int]:
    count: Counter[str] = Counter()
    for task in tasks:
        answers = recorded.answers.get(task.task_id, ())
        if not answers:
            count[FAILURE if task.task_id in recorded.failures else UNGRADED] += 1
        for answer in answers:
            grade = recorded.grades.get((task.task_id, answer.sample))
            count[UNGRADED if grade is None else grade.kind.value] += 1
    return dict(count.most_common())


def _share(rows: Sequence[TaskRow], counts: Sequence[tuple[int, int]], k: int) -> Share:
    if not rows:
        return Share(value=0.0, interval=(0.0, 1.0))
    values: dict[str, list[float]] = {}
    for row, (samples, right) in zip(rows, counts, strict=True):
        values.setdefault(row.group, []).append(pass_at_k(samples, right, k))
    return Share(value=mean_pass_at_k(counts, k), interval=share_interval(values))


def _by_group(rows: Sequence[TaskRow], counts: Sequence[tuple[int, int]]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for row, (samples, right) in zip(rows, counts, strict=True):
        values.setdefault(row.group, []).append(right / samples)
    return values


def _prompt_tokens(answers: Sequence[Answer]) -> int:
    """Answers that were asked for together share one prompt."""
    by_task: dict[str, int] = {}
    for answer in answers:
        by_task[answer.task_id] = max(by_task.get(answer.task_id, 0), answer.prompt_tokens)
    return sum(by_task.values())


def _scores(suite: Suite, tasks: Sequence[Task], recorded: LogContents) -> Mapping[str, float]:
    if not isinstance(suite, CorpusScored):
        return {}
    pairs = [
        (t, recorded.answers[t.task_id][0].text) for t in tasks if t.task_id in recorded.answers
    ]
    return suite.corpus_scores(pairs) if pairs else {}


def _money(plan: Plan, prompt: int, completion: int) -> float | None:
    if plan.price_per_million is None:
        return None
    prompt_price, completion_price = plan.price_per_million
    return (prompt * prompt_price + completion * completion_price) / 1e6


def _claim(plan: Plan, solved: Share, tasks: int) -> ClaimRow | None:
    claim = claim_of(plan.benchmark)
    if claim is None or plan.way not in ASKS_MODEL:
        return None
    return ClaimRow(
        benchmark=claim.benchmark,
        model=claim.model,
        claimed=claim.share,
        measured=solved,
        source=SOURCE,
        sentence=sentence(claim.share, solved.value, solved.interval, tasks),
    )


def _notes(
    plan: Plan, suite: Suite, every: Sequence[TaskRow], rows: Sequence[TaskRow]
) -> tuple[str, ...]:
    facts, groups = suite.facts, len({row.group for row in rows})
    notes = []
    if plan.way in ASKS_MODEL:
        notes.append(_contamination(plan, facts.published, facts.title))
    if ungraded_count := sum(row.outcome == UNGRADED for row in every):
        notes.append(
            f"Not finished: {ungraded_count:,} of {len(every):,} tasks have no grade yet, and the "
            "shares are of the others."
        )
    if silent := sum(row.outcome == NOT_REPLAYABLE for row in every):
        notes.append(
            f"{silent:,} of {len(every):,} tasks show nothing here (no test fails before "
            "the fix and passes after, or the environment cannot be built): they are no part "
            "of the shares."
        )
    count = sum(row.outcome in (FAILURE, GradeKind.INFRASTRUCTURE.value) for row in rows)
    if count:
        notes.append(
            f"{count:,} of {len(rows):,} tasks could not be answered or graded for reasons of this "
            "machine, the server or the environment; they count as not solved."
        )
    if groups < len(rows):
        notes.append(
            f"The tasks come from {groups:,} {facts.groups}; the interval allows for it that "
            "those of one succeed and fail together."
        )
    if plan.limit is not None or plan.only:
        notes.append("These are not all tasks of the suite: the share is that of the ones chosen.")
    return tuple(notes)


def _contamination(plan: Plan, published: str, title: str) -> str:
    if not published:
        return "Whether the model was trained on these tasks cannot be told from their data."
    if plan.trained_until is None:
        return (
            f"{title} was published in {published}: a model that was trained later may have read "
            "its tasks and their solutions."
        )
    if plan.trained_until >= published:
        return (
            f"{title} was published in {published}, the model was trained until "
            f"{plan.trained_until}: it may have read the tasks and their solutions."
        )
    return f"{title} was published in {published}, after what the model was trained on."
