"""`repair evaluate`: one command for each suite, and those about earlier evaluations."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import options
from cli.options.evaluation import EvaluateRequest
from cli.options.record_options import spread

evaluate_app = typer.Typer(
    name="evaluate",
    help="Measure a model, or the whole repair, on a suite of tasks or on one's own history.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

SUITES = {
    "humaneval": "164 functions to write. DATA: HumanEval.jsonl.gz of openai/human-eval.",
    "humaneval+": "The same with EvalPlus' tests. DATA: HumanEvalPlus-OriginFmt.jsonl.gz of "
    "evalplus/humanevalplus_release.",
    "mbpp": "500 functions to write. DATA: mbpp.jsonl of google-research/google-research.",
    "mbpp+": "378 of them with EvalPlus' tests. DATA: MbppPlus-OriginFmt.jsonl.gz of "
    "evalplus/mbppplus_release.",
    "humanevalfix": "164 functions to fix, in Python or JavaScript. DATA: humanevalpack.jsonl of "
    "bigcode-project/octopack.",
    "quixbugs": "40 Python programs with one bug each. DATA: a checkout of jkoppel/QuixBugs.",
    "code-refinement": "Java methods to rewrite, compared with the fix. DATA: data/small or "
    "data/medium of microsoft/CodeXGLUE's Code-Code/code-refinement.",
    "history": "Fixes of your own repository's past, replayed. DATA: the repository.",
    "fixes": "Fixes that a file lists, replayed. DATA: JSON lines (see docs/evaluation.md); needs "
    "--checkouts.",
    "bugsinpy": "Bugs of projects. DATA: a checkout of soarsmu/BugsInPy; needs --checkouts.",
    "swe-bench": "Issues, hidden tests. DATA: an instance file (JSON lines); needs --checkouts.",
}
"""Name → help. `agent.evaluation.suites.opening` has the same names; it imports the sandbox."""

RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Its id, the beginning or the end of it, or (to show or compare) its folder.",
        show_default=False,
    ),
]


def _add_suite(name: str, help_text: str) -> None:
    @evaluate_app.command(name, help=help_text, rich_help_panel="Suites")
    @spread
    def suite(request: EvaluateRequest, as_json: options.JsonFlag = False) -> int:
        from cli.commands.evaluate import run_evaluate

        return run_evaluate(name, request, as_json=as_json)


for _name, _help in SUITES.items():
    _add_suite(_name, _help)

_EARLIER = "Earlier evaluations"


@evaluate_app.command("resume", rich_help_panel=_EARLIER)
def resume(run: RunName, as_json: options.JsonFlag = False) -> int:
    """Go on with an evaluation: what has an answer or a grade is not done again."""
    from cli.commands.evaluate import run_resume_evaluation

    return run_resume_evaluation(run, as_json=as_json)


@evaluate_app.command("grade", rich_help_panel=_EARLIER)
def grade(run: RunName, as_json: options.JsonFlag = False) -> int:
    """Grade all its answers again, without the model."""
    from cli.commands.evaluate import run_grade

    return run_grade(run, as_json=as_json)


@evaluate_app.command("show", rich_help_panel=_EARLIER)
def show(
    run: RunName,
    as_json: options.JsonFlag = False,
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="The answers to one task, and their grades.")
    ] = None,
) -> int:
    """Show what came out, and write its files anew."""
    from cli.commands.evaluate import run_show_evaluation

    return run_show_evaluation(run, task=task, as_json=as_json)


@evaluate_app.command("list", rich_help_panel=_EARLIER)
def list_(as_json: options.JsonArray = False) -> int:
    """List the evaluations of this machine, newest first."""
    from cli.commands.evaluate import run_list_evaluations

    return run_list_evaluations(as_json=as_json)


@evaluate_app.command("compare", rich_help_panel=_EARLIER)
def compare(
    runs: Annotated[
        list[str], typer.Argument(metavar="RUN RUN...", help="Two or more, of one suite.")
    ],
    as_json: options.JsonFlag = False,
    page: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a page that shows them side by side.")
    ] = None,
) -> int:
    """Put evaluations of the same tasks side by side, paired."""
    from cli.commands.evaluate import run_compare

    return run_compare(runs, page=page, as_json=as_json)
