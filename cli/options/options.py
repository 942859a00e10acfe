"""What each option of the command line is called and does; every command shares one declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

TARGET = "What to repair"
LIMITS = "Limits"
MODEL = "The model"
PATCH = "The patch"
OUTPUT = "Output"

JsonFlag = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print one JSON object at the end, and nothing else, on stdout.",
        rich_help_panel=OUTPUT,
    ),
]
JsonArray = Annotated[
    bool,
    typer.Option("--json", help="Print a JSON array, one object for each.", rich_help_panel=OUTPUT),
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
VerifiedRepository = Annotated[
    str | None,
    typer.Argument(
        metavar="REPO",
        help="The folder or git URL to verify it on. Needed: what the file names is not used; "
        "without REPO it is shown, and nothing is verified (exit code 2).",
        show_default=False,
    ),
]
ItsTests = Annotated[
    bool,
    typer.Option(
        "--its-tests",
        help="Add the tests that the result brings along. Read them first.",
        rich_help_panel=TARGET,
    ),
]
VerifySeconds = Annotated[
    float | None,
    typer.Option(
        "--max-seconds",
        metavar="SECONDS",
        help="Time for the whole verification; without a verdict by then it ends with exit code 3. "
        "Default: none beside the limits of its test runs.",
        show_default=False,
        rich_help_panel=LIMITS,
    ),
]
VerifySandbox = Annotated[
    str | None,
    typer.Option(
        "--sandbox",
        metavar="auto|docker|bubblewrap|process",
        help="Where the project's code runs. Default: auto. `process` isolates nothing.",
        rich_help_panel=LIMITS,
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
Root = Annotated[
    str | None,
    typer.Option(
        metavar="FOLDER",
        help="Refuse a repository that does not lie below this folder, also through a link, and "
        "read nothing outside of it.",
        rich_help_panel=TARGET,
    ),
]
VerifyAt = Annotated[
    str | None,
    typer.Option(
        metavar="COMMIT",
        help="Commit, branch or tag to verify it on. Default: the commit that the result names; "
        "the work tree as it is where it names none.",
        rich_help_panel=TARGET,
    ),
]
VerifyPython = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION|PATH",
        help="Python to run the project with. Default: the version that the result names.",
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
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME=VALUE",
        help="A variable that the tests run with; may be repeated. Kept with the run: no secrets.",
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
        help="Time for the whole repair; the best patch so far is the result.",
        rich_help_panel=LIMITS,
    ),
]
LocalizeSeconds = Annotated[
    float,
    typer.Option(
        "--max-seconds",
        metavar="SECONDS",
        help="Time for the tests and the ranking.",
        rich_help_panel=LIMITS,
    ),
]
McpSeconds = Annotated[
    float,
    typer.Option(
        "--max-seconds",
        metavar="SECONDS",
        help="Time that a client may give to one run, and has where it gives none. The best patch "
        "by then is the result of a repair; a verification without a verdict by then has none.",
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
        help="Container runtime for Docker, e.g. runsc for gVisor; without Docker nothing runs.",
        rich_help_panel=LIMITS,
    ),
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="HOST",
        help="A host that the installation may reach beside the package indexes. May be repeated.",
        rich_help_panel=TARGET,
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
        help="How long the search works alone before the model is asked, beside which it goes on.",
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
Sarif = Annotated[
    Path | None,
    typer.Option(
        "--sarif",
        metavar="FILE",
        help="Write places and patch as SARIF 2.1.0, for code scanning and editors.",
        rich_help_panel=OUTPUT,
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
ApplyRepaired = Annotated[
    bool,
    typer.Option(
        "--apply-repaired",
        help="As --apply, where the patch is likely to be right; one that is plausible only is "
        "not written.",
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
