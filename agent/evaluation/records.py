"""The records of an evaluation: what is asked, what was answered, and how it was graded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class GradeKind(StrEnum):
    """What became of one answer. Everything but `SOLVED` counts as not solved."""

    SOLVED = "solved"
    FAILED = "failed"  # its tests, or the comparison with the reference, say no
    NO_CODE = "no_code"  # nothing in the answer can be run
    TIMED_OUT = "timed_out"
    OUT_OF_MEMORY = "out_of_memory"
    NOT_REPLAYABLE = "not_replayable"  # the task shows nothing here, whatever was answered
    INFRASTRUCTURE = "infrastructure"  # could not be graded: says nothing about the answer


class AnswerSource(StrEnum):
    """Who answers the tasks."""

    MODEL = "model"  # the model alone, asked once for each answer
    LOOP = "loop"  # the product's own repair, with the model
    SEARCH = "search"  # the product's own repair, without a model
    REFERENCE = "reference"  # the suite's own solutions: checks data, sandbox and grading
    BUGGY = "buggy"  # programs that are known to be wrong: checks the same


ASKS_MODEL = frozenset({AnswerSource.MODEL, AnswerSource.LOOP})
REPAIRS = frozenset({AnswerSource.LOOP, AnswerSource.SEARCH})


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of a suite."""

    task_id: str
    group: str
    """Tasks of one group, e.g. of a repository, are not independent."""
    prompt: str
    """What a model is asked; empty where only a repair can answer."""
    reference: str
    """An answer that is right; empty where the data has none."""
    buggy: str = ""
    """An answer that is wrong; empty where the data has none."""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The suite's own facts: tests, entry point, files."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a model is sampled; the defaults are the vendor's for coding."""

    temperature: float = 0.6
    top_p: float = 0.95
    top_k: int = 20
    max_tokens: int = 32_768
    """Of one answer, thinking included."""
    thinking: bool = True
    seed: int = 0
    """Of the first answer to each task; the i-th uses `seed + i`."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an evaluation does. It is written once, and a resumed one does the same."""

    run_id: str
    suite: str
    data: str
    """Path of the data, as a full path."""
    data_sha256: str = ""
    """Of the suite's tasks as they were read, hex."""
    way: AnswerSource
    model: str | None = None
    model_url: str | None = None
    samples: int = 1
    """Answers for each task."""
    sampling: Sampling = field(default_factory=Sampling)
    at: str | None = None
    """Commit up to which a history is read."""
    only: tuple[str, ...] = ()
    """Ids of tasks; empty for all."""
    limit: int | None = None
    """The first so many tasks."""
    parallel: int = 8
    """Tasks that are answered at once."""
    graders: int = 2
    """Answers that are graded at once."""
    test_seconds: float = 10.0
    """Time for the tests of one answer."""
    repair_seconds: float = 300.0
    """Time for one repair, with `--loop` and without a model."""
    sandbox: str = "auto"
    runtime: str | None = None
    """Container runtime for Docker, as the user says."""
    checkouts: str | None = None
    """Folder with clones of the repositories that the tasks name."""
    benchmark: str = ""
    """Which benchmark an instance file is, in the vendor's words, e.g. `SWE-bench Verified`."""
    trained_until: str | None = None
    """Date (YYYY-MM) of the newest text that the model was trained on, as the user says."""
    price_per_million: tuple[float, float] | None = None
    """Money for a million tokens read and generated."""
    gpus: int | None = None
    """How many the model holds, as the user says."""
    conditions: Mapping[str, Any] = field(default_factory=dict)
    """Where and with what it was begun: machine, versions, date."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer to one task."""

    task_id: str
    sample: int
    """From 0."""
    text: str
    """What was said, or for repairs the unified diff; empty where nothing was found."""
    reasoning: str = ""
    finish_reason: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    """Of the completion: thinking."""
    seconds: float = 0.0
    """Wall-clock; answers that were asked for together have equal shares."""
    note: str = ""
    """How a repair ended, in its own words."""


@dataclass(frozen=True, kw_only=True)
class Grade:
    """What became of an answer, and why."""

    kind: GradeKind
    why: str
    """One sentence; untrusted, as it may hold what the answer printed."""
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Name → value, e.g. `bleu`; what a suite measures beside solved or not."""

    @property
    def solved(self) -> bool:
        return self.kind is GradeKind.SOLVED
