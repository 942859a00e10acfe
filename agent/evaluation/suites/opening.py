"""From the name of a suite, as it is typed, to the suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from agent.evaluation.errors import DataUnreadable
from agent.evaluation.records import Plan
from agent.evaluation.suites import code_refinement, human_eval, human_eval_fix, mbpp
from agent.evaluation.suites.base import Suite, SuiteFacts
from agent.evaluation.suites.code_refinement import CodeRefinement
from agent.evaluation.suites.human_eval import HumanEval
from agent.evaluation.suites.human_eval_fix import HumanEvalFix
from agent.evaluation.suites.mbpp import Mbpp
from agent.evaluation.suites.projects import bugs_in_py, listed_fixes, own_history, swe_bench
from agent.evaluation.suites.projects.bugs_in_py import BugsInPy
from agent.evaluation.suites.projects.listed_fixes import ListedFixes
from agent.evaluation.suites.projects.own_history import OwnHistory
from agent.evaluation.suites.projects.quixbugs import suite as quixbugs
from agent.evaluation.suites.projects.quixbugs.suite import QuixBugs
from agent.evaluation.suites.projects.swe_bench import SweBench

Maker = Callable[[Plan], Suite]
MAKERS: Mapping[str, tuple[SuiteFacts, Maker]] = {
    facts.name: (facts, maker)
    for facts, maker in (
        (human_eval.FACTS, lambda plan: HumanEval(Path(plan.data))),
        (human_eval.PLUS_FACTS, lambda plan: HumanEval(Path(plan.data), plus=True)),
        (mbpp.FACTS, lambda plan: Mbpp(Path(plan.data))),
        (mbpp.PLUS_FACTS, lambda plan: Mbpp(Path(plan.data), plus=True)),
        (human_eval_fix.FACTS, lambda plan: HumanEvalFix(Path(plan.data))),
        (code_refinement.FACTS, lambda plan: CodeRefinement(Path(plan.data))),
        (quixbugs.FACTS, lambda plan: QuixBugs(Path(plan.data))),
        (own_history.FACTS, lambda plan: OwnHistory(Path(plan.data), plan.at or "HEAD")),
        (listed_fixes.FACTS, lambda plan: ListedFixes(Path(plan.data), plan.checkouts)),
        (bugs_in_py.FACTS, lambda plan: BugsInPy(Path(plan.data), plan.checkouts)),
        (swe_bench.FACTS, lambda plan: SweBench(Path(plan.data), plan.checkouts)),
    )
}


def open_suite(plan: Plan) -> Suite:
    """The suite that a plan names. Its data is read when its tasks are asked for."""
    return made(plan.suite)[1](plan)


def made(name: str) -> tuple[SuiteFacts, Maker]:
    """Raises DataUnreadable for a name that no suite has."""
    if name not in MAKERS:
        raise DataUnreadable(f"there is no suite {name!r}; there are {', '.join(MAKERS)}")
    return MAKERS[name]
