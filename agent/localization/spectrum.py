"""Suspiciousness of lines from which tests ran them (spectrum-based fault localisation).

Formulas as in Abreu et al., "On the Accuracy of Spectrum-based Fault Localization" (2007) for
Ochiai and Wong et al., "The DStar Method for Effective Software Fault Localization" (2014),
with the exponent 2 of the paper.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf, sqrt

from sandbox.languages.coverage import Coverage

Line = tuple[str, int]
"""Path in the workspace and 1-based line number."""

MAX_DSTAR = 1e9
"""For results, which hold finite numbers: what a line has that only failing tests ran."""


@dataclass(frozen=True)
class Spectrum:
    """How many failing and passing tests ran each line."""

    failed: Mapping[Line, int]
    passed: Mapping[Line, int]
    total_failed: int
    total_passed: int

    def ochiai(self, line: Line) -> float:
        """0..1: failed(l) / sqrt(total_failed * (failed(l) + passed(l)))."""
        failing_count = self.failed.get(line, 0)
        if not failing_count:
            return 0.0
        return failing_count / sqrt(self.total_failed * (failing_count + self.passed.get(line, 0)))

    def dstar(self, line: Line) -> float:
        """0..inf: failed(l)^2 / (passed(l) + total_failed - failed(l))."""
        failing_count = self.failed.get(line, 0)
        if not failing_count:
            return 0.0
        denominator = self.passed.get(line, 0) + self.total_failed - failing_count
        return failing_count**2 / denominator if denominator else inf


def spectrum(failing: Iterable[Coverage], passing: Iterable[Coverage]) -> Spectrum:
    """Count, for every line a failing test ran, the failing and passing tests that ran it."""
    failing_counts, total_failed = _count(failing)
    passing_counts, total_passed = _count(passing)
    return Spectrum(failing_counts, passing_counts, total_failed, total_passed)


def _count(tests: Iterable[Coverage]) -> tuple[Counter[Line], int]:
    counts: Counter[Line] = Counter()
    total = 0
    for coverage in tests:
        total += 1
        counts.update((path, line) for path, lines in coverage.items() for line in set(lines))
    return counts, total
