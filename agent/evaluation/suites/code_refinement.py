"""CodeXGLUE code refinement: Java methods with a bug, to be rewritten; compared with the real fix.

An answer is solved when it is the fix, token by token. BLEU and CodeBLEU of all answers together
are the leaderboard's; an answer that is empty counts for them as the empty text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.grading.bleu import smoothed_bleu
from agent.evaluation.grading.code_bleu import GrammarMissing, code_bleu
from agent.evaluation.grading.sandbox_provider import ProgramRunner
from agent.evaluation.records import Answer, AnswerSource, Grade, GradeKind, Task
from agent.evaluation.suites.base import SuiteFacts
from agent.evaluation.suites.data_files import read_text
from agent.prompts import prompt

FACTS = SuiteFacts(
    name="code-refinement",
    title="CodeXGLUE code refinement",
    source="https://github.com/microsoft/CodeXGLUE Code-Code/code-refinement/data",
    published="2019-02",
    graded_by="it is the developers' fix, token by token",
    ways=frozenset({AnswerSource.MODEL, AnswerSource.REFERENCE, AnswerSource.BUGGY}),
)
_FENCED = re.compile(r"```[\w+.-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|[A-Za-z_$][\w$]*|\d[\w.]*|'
                    r">>>=|<<=|>>=|[-+*/%&|^!=<>]=|&&|\|\||\+\+|--|->|::|<<|\S")  # fmt: skip
_PLACES = ("test.buggy-fixed", "data/small/test.buggy-fixed")


@dataclass(frozen=True)
class CodeRefinement:
    """Implements `Suite` and `CorpusScored`."""

    path: Path

    @property
    def facts(self) -> SuiteFacts:
        return FACTS

    def tasks(self) -> Sequence[Task]:
        buggy, fixes = (_lines(self.path, kind) for kind in ("buggy", "fixed"))
        if len(buggy) != len(fixes):
            raise DataUnreadable(
                f"{self.path}: {len(buggy):,} buggy methods and {len(fixes):,} fixed ones"
            )
        return [
            Task(
                task_id=str(number),
                group=str(number),
                prompt=prompt("evaluate_refine", code=before),
                reference=after,
                buggy=before,
            )
            for number, (before, after) in enumerate(zip(buggy, fixes, strict=True), start=1)
        ]

    def grade(self, task: Task, answer: Answer, runner: ProgramRunner) -> Grade:  # noqa: ARG002
        """Nothing is run."""
        text = method_of(answer.text)
        if not text:
            return Grade(kind=GradeKind.NO_CODE, why="the answer holds no code")
        metrics = {"bleu": smoothed_bleu([task.reference.split()], [text.split()])}
        if text == task.reference:
            return Grade(kind=GradeKind.SOLVED, why="it is the fix", metrics=metrics)
        why = "it is what was given" if text == task.buggy else "it is not the fix"
        return Grade(kind=GradeKind.FAILED, why=why, metrics=metrics)

    def corpus_scores(self, pairs: Sequence[tuple[Task, str]]) -> dict[str, float]:
        references = [task.reference for task, _ in pairs]
        answers = [method_of(text) for _, text in pairs]
        scores = {
            "BLEU": smoothed_bleu([r.split() for r in references], [a.split() for a in answers])
        }
        with suppress(GrammarMissing):  # docs/evaluation.md says what it needs
            scores["CodeBLEU"] = 100 * code_bleu(references, answers).whole
        return scores


def method_of(answer: str) -> str:
    """The method of an answer, in the form of the data: one line, a blank between tokens."""
    blocks = _FENCED.findall(answer)
    text = blocks[-1] if blocks else answer
    if "\n" not in text.strip() and not blocks:
        return " ".join(text.split())  # as the data has it
    return " ".join(_TOKEN.findall(text))


def _lines(path: Path, kind: str) -> list[str]:
    names = [path / f"{name}.{kind}" for name in _PLACES]
    if path.suffix in (".buggy", ".fixed"):
        names = [path.with_suffix(f".{kind}")]
    for name in names:
        if name.is_file():
            return [line.strip() for line in read_text(name).splitlines()]
    raise DataUnreadable(
        f"{path} holds no {names[0].name}: name a folder of the data, as data/small"
    )
