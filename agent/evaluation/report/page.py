"""One evaluation as a page: what was measured, how sure that is, and every task."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from agent.evaluation.records import ASKS_MODEL, AnswerSource
from agent.evaluation.report.parts import card, chip, figures, folded, page, percent, table
from agent.evaluation.report.plots import Bar, bars, heat_map, pass_curve, solved_over
from agent.evaluation.report.summary import ClaimRow, Summary
from agent.evaluation.report.svg import element, shown
from agent.evaluation.report.vendor_claims import SOURCE, claims
from agent.wording import counted, duration

WHO = {
    AnswerSource.SEARCH: "the repair without a model",
    AnswerSource.REFERENCE: "the suite's own solutions",
    AnswerSource.BUGGY: "programs that are known to be wrong",
}
MIN_SHOWN_SECONDS = 0.05


def page_of(summary: Summary) -> str:
    """The whole page, which loads nothing from anywhere."""
    cards = element("div", "".join(_cards(summary)), class_="cards")
    below = f"{counted(summary.tasks, 'task')}, answered by {answered_by(summary)}"
    return page(f"{summary.title}", below, _hero(summary) + cards)


def answered_by(summary: Summary) -> str:
    """Who answered, in words."""
    plan = summary.plan
    if plan.way in WHO:
        return WHO[plan.way]
    name = plan.model or plan.model_url or "a model"
    return f"the repair with {name}" if plan.way is AnswerSource.LOOP else name


def _hero(summary: Summary) -> str:
    low, high = summary.solved.interval
    pairs = [
        (percent(summary.solved.value), f"solved; 95 %: {percent(low)} to {percent(high)}"),
        (f"{summary.tasks_solved:,}", f"of {summary.counted:,} tasks solved by any answer"),
    ]
    if summary.completion_tokens:
        pairs.append((f"{summary.completion_tokens:,}", "tokens generated"))
    if summary.tokens_per_second is not None:
        pairs.append((f"{summary.tokens_per_second:,.1f}", "tokens a second"))
    if summary.gpu_seconds is not None:
        pairs.append((f"{summary.gpu_seconds:,.0f}", "GPU seconds"))
    if summary.median_seconds >= MIN_SHOWN_SECONDS:
        pairs.append((duration(summary.median_seconds), "to answer, the median"))
    if summary.money is not None:
        pairs.append((f"{summary.money:,.2f}", "at the price given"))
    return figures(pairs)


def _cards(summary: Summary) -> Iterator[str]:
    claimed_share = summary.claim.claimed if summary.claim else None
    shares = [Bar(label="measured", share=summary.solved, claimed=claimed_share)]
    if summary.claim is not None:
        yield _claim(summary.claim, bars(shares))
    else:
        yield card("Solved, with the 95 % interval", bars(shares))
    yield card("What became of the answers", _outcomes(summary))
    if len(summary.pass_at) > 1:
        yield card("Solved by at least one of k answers", pass_curve(summary.pass_at))
    rows = summary.rows
    if any(row.seconds >= MIN_SHOWN_SECONDS for row in rows):
        yield card(
            "Solved within so many seconds", solved_over(rows, [r.seconds for r in rows], "seconds")
        )
    if summary.completion_tokens:
        tokens = [float(row.completion_tokens) for row in rows]
        yield card("Solved with so many tokens", solved_over(rows, tokens, "tokens"))
    shares_of = {row.task_id: row.solved / row.samples for row in rows if row.samples}
    yield card("Every task", heat_map([("", shares_of)], [r.task_id for r in rows]), wide=True)
    if summary.notes:
        notes = "".join(element("p", shown(note), class_="note") for note in summary.notes)
        yield card("To judge these figures", notes, wide=True)
    yield folded("What the vendor published", _vendor(summary))
    yield folded("Conditions", _conditions(summary))
    yield folded("Tasks", _tasks(summary))


def _claim(claim: ClaimRow, plot: str) -> str:
    low, high = claim.measured.interval
    row = (
        shown(claim.benchmark),
        f"{percent(claim.claimed)} ({shown(claim.model)})",
        percent(claim.measured.value),
        f"{percent(low)} to {percent(high)}",
    )
    facts = table(("benchmark", "claimed", "measured", "95 % interval"), [row])
    sentence = element("p", shown(claim.sentence), class_="sentence")
    return card("The vendor's claim", sentence + plot + facts, wide=True)


def _outcomes(summary: Summary) -> str:
    whole = sum(summary.outcomes.values()) or 1
    rows = [
        (
            chip(kind.replace("_", " "), good=kind == "solved"),
            f"{number:,}",
            percent(number / whole),
        )
        for kind, number in summary.outcomes.items()
    ]
    scores = [(shown(name), f"{value:.2f}", "") for name, value in summary.scores.items()]
    note = element("p", shown(f"An answer is solved when {summary.graded_by}."), class_="note")
    return table(("", "answers", "share"), [*rows, *scores], (1, 2)) + note


def _vendor(summary: Summary) -> str:
    benchmark = summary.claim.benchmark if summary.claim else ""
    rows = [
        (
            shown(claim.benchmark),
            percent(claim.share),
            percent(summary.solved.value) if claim.benchmark == benchmark else "not measured here",
        )
        for claim in claims()
    ]
    source = element("p", shown(f"Of {claims()[0].model}. Source: {SOURCE}."), class_="note")
    return source + table(("benchmark", "claimed", "measured"), rows, (1,))


def _conditions(summary: Summary) -> str:
    plan = summary.plan
    pairs = {
        "evaluation": plan.run_id,
        "data": plan.data,
        "data, SHA-256 of the tasks": plan.data_sha256,
        "answers a task": plan.samples,
        "answered at once": plan.parallel,
        "graded at once": plan.graders,
        "seconds for the tests of an answer": plan.test_seconds,
        "sandbox": plan.sandbox,
        **plan.conditions,
    }
    if plan.way is AnswerSource.MODEL:
        pairs |= {f"sampling: {name}": value for name, value in asdict(plan.sampling).items()}
    elif plan.way in ASKS_MODEL:
        pairs["sampling"] = "that of the repair"
    rows = ((shown(str(name)), shown(str(value))) for name, value in pairs.items())
    return table(("", ""), rows)


def _tasks(summary: Summary) -> str:
    rows = (
        (
            shown(row.task_id),
            chip(row.outcome.replace("_", " "), good=row.outcome == "solved"),
            f"{row.solved}/{row.samples}",
            f"{row.seconds:,.1f}",
            f"{row.completion_tokens:,}",
            element("span", shown(row.why[:300]), class_="note"),
        )
        for row in summary.rows
    )
    headings = ("task", "first answer", "solved", "seconds", "tokens", "why")
    return table(headings, rows, (2, 3, 4))
