"""The words of the command line: options, help texts, and which command they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.job import Budget
from cli.commands.doctor import run_doctor
from cli.commands.localize import run_localize
from cli.commands.repair import Request, Shown, run_repair, run_resume
from cli.commands.runs import run_list, run_show
from cli.commands.verify import run_verify
from cli.deliver import Wish
from cli.model import model_app

TARGET = "What to repair"
LIMITS = "Limits"
MODEL = "The model"
PATCH = "The patch"
OUTPUT = "Output"
EPILOG = """
**Examples**

- `repair .` repairs this folder; nothing in it is changed
- `repair . --only tests/test_dates.py::test_leap_year --apply`
- `repair https://github.com/OWNER/NAME --at v1.2 --max-seconds 600`
- `repair . --issue bug.md --branch fix-bug`

**Other commands** (each has its own --help; a folder named like one is reached as `./list`)

- `repair show [RUN]` shows the patch and the evidence of an earlier run
- `repair list` lists earlier runs
- `repair resume RUN` goes on with an interrupted run
- `repair verify RESULT.json` takes the verdict of a result again
- `repair localize REPO` ranks the suspicious lines, no more
- `repair model serve|check PATH` serves a model to many workers, or tries it
- `repair doctor` says what this machine has and lacks

**Exit codes**

- `0` repaired, or nothing to fix
- `1` not repaired
- `2` bad input
- `3` the sandbox, the machine or the project's environment does not work
- `130` interrupted
"""

JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object at the end, and nothing else, on stdout.",
        rich_help_panel=OUTPUT,
    ),
]
VerboseFlag = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        help="Tell every step; with --json, on stderr.",
        rich_help_panel=OUTPUT,
    ),
]
Repository = Annotated[
    str,
    typer.Argument(
        metavar="REPO", help="A folder (with git or without) or a git URL.", show_default=False
    ),
]
At = Annotated[
    str | None,
    typer.Option(
        metavar="COMMIT",
        help="Commit, branch or tag to work on. Default: the work tree as it is.",
        rich_help_panel=TARGET,
    ),
]
Install = Annotated[
    str | None,
    typer.Option(
        metavar="COMMAND",
        help="How to install the project. Default: found by itself.",
        rich_help_panel=TARGET,
    ),
]
TestCommand = Annotated[
    str | None,
    typer.Option(
        "--test",
        metavar="COMMAND",
        help="How to run its tests. Default: found by itself.",
        rich_help_panel=TARGET,
    ),
]
Python = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION|PATH",
        help="Python to run the project with, e.g. 3.11. Default: what the project asks for.",
        rich_help_panel=TARGET,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TESTID...",
        help="Repair only what makes these tests fail. Takes several; give REPO first.",
        rich_help_panel=TARGET,
    ),
]
Issue = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT|FILE|-",
        help="A description of what goes wrong; - reads it from stdin.",
        rich_help_panel=TARGET,
    ),
]
MaxSeconds = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="Time for the whole repair; the best validated patch so far is the result.",
        rich_help_panel=LIMITS,
    ),
]
MaxCandidates = Annotated[
    int,
    typer.Option(metavar="N", help="Candidate patches to try at most.", rich_help_panel=LIMITS),
]
SandboxName = Annotated[
    str,
    typer.Option(
        "--sandbox",
        metavar="auto|docker|bubblewrap|process",
        help="Where the project's code runs. `process` isolates nothing.",
        rich_help_panel=LIMITS,
    ),
]
Runtime = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Container runtime for Docker, e.g. runsc for gVisor.",
        rich_help_panel=LIMITS,
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        metavar="PATH|scripted:FILE|NAME",
        help="Folder of a checkpoint to run here; with --model-url the name of a model there.",
        rich_help_panel=MODEL,
    ),
]
ModelUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="OpenAI-compatible server, e.g. http://127.0.0.1:8000/v1. Its key is read from "
        "REPAIR_MODEL_API_KEY.",
        rich_help_panel=MODEL,
    ),
]
Conversations = Annotated[
    int,
    typer.Option(
        "--candidates",
        metavar="N",
        help="Conversations side by side, each to its own patch.",
        rich_help_panel=MODEL,
    ),
]
MaxTokens = Annotated[
    int,
    typer.Option(
        metavar="N", help="Tokens the model may generate, all in all.", rich_help_panel=MODEL
    ),
]
MaxTurns = Annotated[
    int,
    typer.Option(
        metavar="N", help="Answers of the model in one conversation.", rich_help_panel=MODEL
    ),
]
SearchSeconds = Annotated[
    float,
    typer.Option(
        metavar="SECONDS",
        help="Time of the search before the model is asked; 0 asks at once.",
        rich_help_panel=MODEL,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Save the patch here. Default: the folder of the run.",
        rich_help_panel=PATCH,
    ),
]
Apply = Annotated[
    bool,
    typer.Option(
        "--apply",
        help="Write the patch into the folder; refused where a file changed meanwhile.",
        rich_help_panel=PATCH,
    ),
]
Branch = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Commit the patch on a new branch; work tree and index stay as they are.",
        rich_help_panel=PATCH,
    ),
]


repair_app = typer.Typer(rich_markup_mode="markdown", add_completion=False)
other_app = typer.Typer(rich_markup_mode="markdown", add_completion=False, no_args_is_help=True)
other_app.add_typer(model_app)


@repair_app.command(epilog=EPILOG)
def repair(
    repo: Repository,
    at: At = None,
    install: Install = None,
    test: TestCommand = None,
    python: Python = None,
    only: Only = None,
    issue: Issue = None,
    max_seconds: MaxSeconds = Budget.max_seconds,
    max_candidates: MaxCandidates = Budget.max_candidates,
    sandbox: SandboxName = "auto",
    runtime: Runtime = None,
    model: Model = None,
    model_url: ModelUrl = None,
    candidates: Conversations = 1,
    max_tokens: MaxTokens = Budget.max_tokens,
    max_turns: MaxTurns = Budget.max_turns,
    search_seconds: SearchSeconds = Budget.search_seconds,
    output: Output = None,
    apply: Apply = False,
    branch: Branch = None,
    as_json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> int:
    """Find and validate a patch for a repository whose tests fail.

    The tests run in a sandbox: once to see what fails, then against candidate patches at the
    most suspicious lines. A patch counts when, on a fresh copy, the failing tests pass and no
    passing test breaks. The repository itself is not written to unless you ask.
    """
    request = Request(
        target=repo,
        at=at,
        install=install,
        test=test,
        python=python,
        only=tuple(only or ()),
        issue=issue,
        max_seconds=max_seconds,
        max_candidates=max_candidates,
        sandbox=sandbox,
        runtime=runtime,
        model=model,
        model_url=model_url,
        conversations=candidates,
        max_tokens=max_tokens,
        max_turns=max_turns,
        search_seconds=search_seconds,
    )
    wish = Wish(output=output, apply=apply, branch=branch)
    return run_repair(request, wish, Shown(as_json=as_json, verbose=verbose))


@other_app.command("resume")
def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, as `repair list` shows it.")],
    output: Output = None,
    apply: Apply = False,
    branch: Branch = None,
    as_json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> int:
    """Go on with an interrupted run; finished stages are not done again."""
    wish = Wish(output=output, apply=apply, branch=branch)
    return run_resume(run, wish, Shown(as_json=as_json, verbose=verbose))


@other_app.command("show")
def show(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run id or a result.json. Default: the newest finished run.",
            show_default=False,
        ),
    ] = None,
    as_json: JsonFlag = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="Print the patch and nothing else, for `git apply`.")
    ] = False,
    alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Show the other patches that passed, too.")
    ] = False,
) -> int:
    """Show the patch of a run and the evidence for it."""
    return run_show(run, as_json=as_json, patch=patch, alternatives=alternatives)


@other_app.command("list")
def list_(as_json: JsonFlag = False) -> int:
    """List the runs of this machine, newest first."""
    return run_list(as_json=as_json)


@other_app.command("verify")
def verify(
    result: Annotated[str, typer.Argument(metavar="RESULT.json", help="The result of a run.")],
    as_json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> int:
    """Take the verdict of a result again, from its evidence. Exit code 0: confirmed, 1: not."""
    return run_verify(result, as_json=as_json, verbose=verbose)


@other_app.command("localize")
def localize(
    repo: Repository,
    at: At = None,
    install: Install = None,
    test: TestCommand = None,
    python: Python = None,
    only: Only = None,
    issue: Issue = None,
    max_seconds: MaxSeconds = Budget.max_seconds,
    sandbox: SandboxName = "auto",
    runtime: Runtime = None,
    top: Annotated[
        int, typer.Option(metavar="N", help="Lines to show.", rich_help_panel=OUTPUT)
    ] = 10,
    as_json: JsonFlag = False,
    verbose: VerboseFlag = False,
) -> int:
    """Rank the lines that most likely hold the fault, without looking for a patch."""
    request = Request(
        target=repo,
        at=at,
        install=install,
        test=test,
        python=python,
        only=tuple(only or ()),
        issue=issue,
        max_seconds=max_seconds,
        sandbox=sandbox,
        runtime=runtime,
    )
    return run_localize(request, Shown(as_json=as_json, verbose=verbose), top=top)


@other_app.command("doctor")
def doctor(as_json: JsonFlag = False) -> int:
    """Say what this machine has, what it lacks, and what to do. Exit code 3: cannot repair."""
    return run_doctor(as_json=as_json)
