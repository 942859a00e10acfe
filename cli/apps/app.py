"""The commands of the command line: their help texts, and where each one leads.

A command imports the module that does its work when it runs, here and in the other apps: the help
is there before LangGraph, Docker's SDK and an HTTP client could be imported.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from agent.records import Budget
from cli.apps.evaluate import evaluate_app
from cli.apps.forge import forge_app
from cli.apps.github import github_app
from cli.apps.model import model_app
from cli.apps.service import service_commands
from cli.apps.worker import worker_commands
from cli.options import options
from cli.options.record_options import spread
from cli.options.request import (
    DeliveryOptions,
    DisplayOptions,
    LocalizeRequest,
    RepairRequest,
    VerifyRequest,
)

EPILOG = """
**Examples**

- `repair .` repairs this folder; nothing in it is changed
- `repair . --only tests/test_dates.py::test_leap_year --apply`
- `repair https://github.com/OWNER/NAME --at v1.2 --max-seconds 600`
- `repair . --issue bug.md --branch fix-bug`

**Other commands** (each has its own --help; a folder named like one is reached as `./list`)

- `repair show [RUN]` shows the patch and the evidence of an earlier run; the beginning or the
  end of its id is enough
- `repair list` lists earlier runs
- `repair resume RUN` goes on with an interrupted run
- `repair verify RUN|RESULT.json REPO` takes the verdict of a result again
- `repair localize REPO` ranks the suspicious lines, no more
- `repair model serve|check PATH` serves a model to many workers, or tries it
- `repair evaluate SUITE DATA` measures a model, or the whole repair, on a suite of tasks
- `repair submit REPO` queues it; `repair jobs`, `repair status ID`, `repair logs -f ID`,
  `repair cancel ID` and `repair retry ID` are about the queue's jobs
- `repair service up` runs the queue on this machine; `repair worker` takes jobs from it
- `repair tokens create|list|revoke` is about who may use the service
- `repair github setup|status|replay` connects the service to GitHub; `repair forge status` shows
  what came from there, from GitLab and from Gitea
- `repair mcp FOLDER` serves the tools to an editor or agent (Model Context Protocol)
- `repair doctor` says what this machine has and lacks
- `repair completion bash|zsh|fish|powershell` prints what makes that shell complete

**Exit codes**

- `0` repaired and likely to be right, or nothing to fix
- `1` not repaired
- `2` bad input
- `3` the sandbox, the machine or the project's environment does not work
- `4` repaired in part: other failing tests stay red
- `5` plausible: a patch passed the verdict, and too little says that it is right
- `130` interrupted
- `141` the reader of the output went away (`repair … | head`)

`repair --version` (or `-V`) prints the version.
"""


HELP = {"help_option_names": ["-h", "--help"]}

repair_app = typer.Typer(rich_markup_mode="markdown", add_completion=False)
other_app = typer.Typer(
    rich_markup_mode="markdown",
    add_completion=False,
    no_args_is_help=True,
    context_settings=HELP,
)
other_app.add_typer(model_app)
other_app.add_typer(evaluate_app)
other_app.add_typer(service_commands)
other_app.add_typer(worker_commands)
other_app.add_typer(github_app)
other_app.add_typer(forge_app)


@repair_app.command(epilog=EPILOG, context_settings=HELP)
@spread
def repair(
    request: RepairRequest, delivery_options: DeliveryOptions, display_options: DisplayOptions
) -> int:
    """Find and validate a patch for a repository whose tests fail.

    The tests run in a sandbox: once to see what fails, then against candidate patches at the
    most suspicious lines. A patch counts when, on a fresh copy, the failing tests pass and no
    passing test breaks. The repository itself is not written to unless you ask.
    """
    from cli.commands.repair import run_repair

    return run_repair(request, delivery_options, display_options)


@other_app.command("resume")
@spread
def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its id, as `repair list` shows it.")],
    delivery_options: DeliveryOptions,
    display_options: DisplayOptions,
) -> int:
    """Go on with an interrupted run; finished stages are not done again."""
    from cli.commands.repair import run_resume

    return run_resume(run, delivery_options, display_options)


@other_app.command("show")
def show(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="A run id or a result.json. Default: the newest finished run; with --patch the "
            "newest that has one.",
            show_default=False,
        ),
    ] = None,
    as_json: options.JsonFlag = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="Print the patch and nothing else, for `git apply`.")
    ] = False,
    alternatives: Annotated[
        bool,
        typer.Option(
            "--alternatives", help="Show the other patches that passed, too, and how sure each is."
        ),
    ] = False,
    log: Annotated[
        bool, typer.Option("--log", help="Show what was said between the run and its model.")
    ] = False,
    sarif: options.Sarif = None,
) -> int:
    """Show the patch of a run and the evidence for it."""
    from cli.commands.runs import run_log, run_show

    if log:
        return run_log(run, as_json=as_json)
    return run_show(run, as_json=as_json, patch=patch, alternatives=alternatives, sarif=sarif)


@other_app.command("list")
def list_(as_json: options.JsonArray = False) -> int:
    """List the runs of this machine, newest first.

    The newest 50 that ended or failed are kept whole (REPAIR_KEPT_RUNS); older ones lose what
    `repair resume` needs, and are removed by a later repair when they ended over 30 days ago
    (REPAIR_RETENTION_DAYS). What was interrupted stays.
    """
    from cli.commands.runs import run_list

    return run_list(as_json=as_json)


@other_app.command("verify")
@spread
def verify(
    result: Annotated[
        str, typer.Argument(metavar="RUN|RESULT.json", help="A run id or the result of a run.")
    ],
    request: VerifyRequest,
    display_options: DisplayOptions,
) -> int:
    """Take the verdict of a result again, on a repository.

    A result is data: a commit, a patch and tests. What else it asks for is shown and refused
    until you say so with these options.

    **Exit codes**

    - `0` confirmed

    - `1` not confirmed

    - `2` bad input, or the result asks for what you did not say

    - `3` no verdict: the sandbox, the machine or the project's environment does not work, or the
      time is over

    - `4` confirmed in part: other failing tests stay red

    - `5` confirmed, plausible only: by the result too little says that the patch is right

    - `130` interrupted
    """
    from cli.commands.verify import run_verify

    return run_verify(
        result, request, as_json=display_options.as_json, verbose=display_options.verbose
    )


@other_app.command("localize")
@spread
def localize(
    request: LocalizeRequest,
    display_options: DisplayOptions,
    top: Annotated[
        int, typer.Option(metavar="N", help="Lines to show.", rich_help_panel=options.OUTPUT)
    ] = 10,
    sarif: options.Sarif = None,
) -> int:
    """Rank the lines that most likely hold the fault, without looking for a patch."""
    from cli.commands.localize import run_localize

    return run_localize(request, display_options, top=top, sarif=sarif)


@other_app.command("doctor")
def doctor(
    as_json: options.JsonFlag = False,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep",
            help="Try every limit of every sandbox here from inside (a minute). Exit code 1: one"
            " is not enforced.",
        ),
    ] = False,
    runtime: options.Runtime = None,
) -> int:
    """Say what this machine has, what it lacks, and what to do. Exit code 3: cannot repair.

    Examples:

    - `repair doctor`

    - `repair doctor --deep --runtime runsc` tries the limits under gVisor

    - `DOCKER_HOST=unix:///run/podman/podman.sock repair doctor --deep` tries those of Podman
    """
    from cli.commands.doctor import run_deep_doctor, run_doctor

    if deep:
        return run_deep_doctor(as_json=as_json, runtime=runtime)
    return run_doctor(as_json=as_json)


@other_app.command("completion")
def completion(
    shell: Annotated[str, typer.Argument(metavar="bash|zsh|fish|powershell")],
) -> int:
    """Print the script that makes a shell complete commands and options.

    Examples:

    - `eval "$(repair completion bash)"` in `~/.bashrc`

    - `repair completion fish > ~/.config/fish/completions/repair.fish`
    """
    from cli.commands.completion import run_completion

    return run_completion(shell)


@other_app.command("mcp")
def mcp(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="FOLDER...",
            help="The folders that may be repaired, with all below them; nothing else is reached.",
            show_default=False,
        ),
    ],
    sandbox: options.SandboxName = "auto",
    max_seconds: options.McpSeconds = Budget.max_seconds,
) -> int:
    """Serve repair, localize, verify, status and cancel to an editor or agent, on stdin and stdout.

    It speaks the Model Context Protocol. A client has it started, for example by

    `{"mcpServers": {"repair": {"command": "repair", "args": ["mcp", "/home/me/project"]}}}`
    """
    from cli.commands.mcp import run_mcp

    return run_mcp(folders, sandbox=sandbox, max_seconds=max_seconds)
