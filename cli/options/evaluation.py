"""What the user asks of an evaluation, as typed; `plan` checks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from agent.model_address import without_credentials
from agent.untrusted_text import printable
from cli.errors import BadInput
from cli.options import arguments, options

if TYPE_CHECKING:
    from agent.evaluation.records import AnswerSource, Plan, Sampling

SAMPLING = "Sampling"
TASKS = "Tasks"
GRADING = "Grading"
REPORT = "The report"
MAX_SAMPLES = 200
MAX_PARALLEL = 256

_DATE = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, kw_only=True)
class EvaluateRequest:
    """Data, model, sampling, limits."""

    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="The data's file, or a folder that holds it (see docs/evaluation.md).",
            show_default=False,
        ),
    ]
    model: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|NAME|scripted:FILE|none|reference|buggy",
            help="As for `repair`; or `none`: the repair without a model; or `reference` and "
            "`buggy`: the suite's own right and wrong answers, which check data and sandbox.",
            rich_help_panel=options.MODEL,
        ),
    ] = None
    model_url: options.ModelUrl = None
    loop: Annotated[
        bool,
        typer.Option(
            "--loop",
            help="The whole repair answers, with the model, instead of the model alone.",
            rich_help_panel=options.MODEL,
        ),
    ] = False
    samples: Annotated[
        int,
        typer.Option("--samples", "-n", metavar="N", help="Answers a task.", rich_help_panel=TASKS),
    ] = 1
    at: Annotated[
        str | None,
        typer.Option(
            metavar="COMMIT",
            help="Of a history: up to which commit. Default: HEAD.",
            rich_help_panel=TASKS,
        ),
    ] = None
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="TASK...", help="Only these tasks.", rich_help_panel=TASKS),
    ] = None
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only the first N tasks.", rich_help_panel=TASKS),
    ] = None
    checkouts: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder with clones of the repositories that the tasks name.",
            rich_help_panel=TASKS,
        ),
    ] = None
    parallel: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Tasks answered at once. Default: 8 questions to a model, or 1 repair.",
            rich_help_panel=TASKS,
        ),
    ] = None
    temperature: Annotated[
        float,
        typer.Option(help="The vendor's, as the next two; above 0.", rich_help_panel=SAMPLING),
    ] = 0.6
    top_p: Annotated[float, typer.Option(rich_help_panel=SAMPLING)] = 0.95
    top_k: Annotated[int, typer.Option(rich_help_panel=SAMPLING)] = 20
    max_tokens: Annotated[
        int, typer.Option(metavar="N", help="Of one answer.", rich_help_panel=SAMPLING)
    ] = 32_768
    thinking: Annotated[
        bool,
        typer.Option("--thinking/--no-thinking", help="Let it think.", rich_help_panel=SAMPLING),
    ] = True
    seed: Annotated[
        int, typer.Option(help="Of the first answer to each task.", rich_help_panel=SAMPLING)
    ] = 0
    graders: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Answers graded at once. Default: one for each processor.",
            rich_help_panel=GRADING,
        ),
    ] = None
    test_seconds: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="For the tests of one answer.", rich_help_panel=GRADING
        ),
    ] = 10.0
    repair_seconds: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="For one repair.", rich_help_panel=GRADING),
    ] = 300.0
    sandbox: options.SandboxName = "auto"
    runtime: options.Runtime = None
    benchmark: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help='Of an instance file: which benchmark it is, e.g. "SWE-bench Verified".',
            rich_help_panel=REPORT,
        ),
    ] = ""
    trained_until: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM",
            help="The newest text the model was trained on, for a word on contamination.",
            rich_help_panel=REPORT,
        ),
    ] = None
    price: Annotated[
        str | None,
        typer.Option(
            metavar="READ,GENERATED",
            help="Price of a million tokens read and generated, e.g. 0.2,0.8.",
            rich_help_panel=REPORT,
        ),
    ] = None

    gpus: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="GPUs that the model holds, for the GPU seconds.",
            rich_help_panel=REPORT,
        ),
    ] = None

    def plan(self, suite: str, installation_url: str | None) -> Plan:
        """What these options ask for. Raises BadInput for the first that cannot be used."""
        from agent.evaluation.records import REPAIRS, AnswerSource, Plan
        from agent.runs.folder import new_run_id

        path = Path(self.data).expanduser().absolute()
        if not path.exists():
            raise BadInput(f"There is no {printable(str(path))}: name the suite's data.")
        url = arguments.check_model_url(self.model_url)
        if url is None and installation_url and not self.model:
            url = without_credentials(installation_url)
        way = self._way(url)
        asks = way in (AnswerSource.MODEL, AnswerSource.LOOP)
        return Plan(
            run_id=new_run_id(),
            suite=suite,
            data=str(path),
            way=way,
            model=arguments.check_model(self.model, url) if asks else None,
            model_url=url if asks else None,
            samples=self._samples(single=way not in (AnswerSource.MODEL, AnswerSource.LOOP)),
            sampling=self._sampling(),
            at=self.at,
            only=tuple(self.only or ()),
            limit=None if self.limit is None else arguments.check_count(self.limit, "--limit"),
            parallel=_count(self.parallel, 1 if way in REPAIRS else 8, "--parallel"),
            graders=_count(self.graders, _processors(), "--graders"),
            test_seconds=_seconds(self.test_seconds, "--test-seconds"),
            repair_seconds=_seconds(self.repair_seconds, "--repair-seconds"),
            sandbox=arguments.check_sandbox(self.sandbox),
            runtime=self.runtime,
            checkouts=None if self.checkouts is None else str(self.checkouts.absolute()),
            benchmark=self.benchmark,
            trained_until=_date(self.trained_until),
            price_per_million=_price(self.price),
            gpus=None if self.gpus is None else arguments.check_count(self.gpus, "--gpus"),
            conditions=conditions(),
        )

    def _way(self, url: str | None) -> AnswerSource:
        from agent.evaluation.records import AnswerSource

        ways = {
            "none": AnswerSource.SEARCH,
            "reference": AnswerSource.REFERENCE,
            "buggy": AnswerSource.BUGGY,
        }
        if self.model in ways and url is None:
            if self.loop and self.model != "none":
                raise BadInput(f"--loop is for a model, not for --model {self.model}.")
            return ways[self.model]
        if self.model is None and url is None:
            raise BadInput(
                "Name who is to answer: --model-url URL, --model PATH, or --model none for the "
                "repair without a model."
            )
        return AnswerSource.LOOP if self.loop else AnswerSource.MODEL

    def _samples(self, *, single: bool) -> int:
        samples = arguments.check_count(self.samples, "--samples", MAX_SAMPLES)
        if single and samples > 1:
            raise BadInput("--samples is for a model: without one each answer would be the same.")
        return samples

    def _sampling(self) -> Sampling:
        from agent.evaluation.records import Sampling
        from agent.model.base import GenerationParams

        values = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "top_k": self.top_k,
            "max_tokens": self.max_tokens,
        }
        try:
            GenerationParams(**values)  # type: ignore[arg-type]
        except ValueError as error:
            raise BadInput(f"These sampling settings cannot be used: {error}.") from None
        return Sampling(**values, thinking=self.thinking, seed=self.seed)  # type: ignore[arg-type]


def conditions() -> dict[str, str | int | float]:
    """Where and with what an evaluation is begun."""
    import datetime
    import os
    import platform
    from importlib.metadata import version

    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "repair": version("repair-agent"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "processors": _processors(),
        "load": round(os.getloadavg()[0], 2),
    }


def _processors() -> int:
    import os

    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(number: int | None, default: int, option: str) -> int:
    return default if number is None else arguments.check_count(number, option, MAX_PARALLEL)


def _seconds(seconds: float, option: str) -> float:
    if not 0 < seconds < float("inf"):
        raise BadInput(f"{option} {seconds:g} is no time; give a number above 0.")
    return seconds


def _date(text: str | None) -> str | None:
    if text is not None and not _DATE.fullmatch(text):
        raise BadInput(f"--trained-until {printable(text)!r} is no month; give YYYY-MM.")
    return text


def _price(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        prompt_price, completion_price = (float(part) for part in text.split(","))
    except ValueError:
        prompt_price = -1.0
    if not (0 <= prompt_price < float("inf") and 0 <= completion_price < float("inf")):
        raise BadInput(f"--price {printable(text)!r}: give two numbers, e.g. 0.2,0.8.")
    return prompt_price, completion_price
