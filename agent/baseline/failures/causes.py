"""Which failures are no fault of the code: what each language is asked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from agent.baseline.failures.environment_failures import (
    EnvironmentFailure,
    collection_breakage,
    environment_failure,
)
from sandbox.runners.base import TestResult


class Causes(Protocol):
    """What tells a failure of the project from one of its surroundings."""

    def of_failure(self, result: TestResult) -> EnvironmentFailure | None:
        """Why a failing test says nothing of the code; None where the code itself fails."""

    def of_collection(self, path: str, text: str) -> EnvironmentFailure | None:
        """Why a file cannot be loaded for reasons that are not the project's source. `text` is what
        was printed, files of the project relative to the workspace."""


@dataclass(frozen=True)
class PythonCauses:
    """Those of Python."""

    modules: Collection[str]
    """Top-level modules that the project itself provides."""
    is_test_path: Callable[[str], bool]

    def of_failure(self, result: TestResult) -> EnvironmentFailure | None:
        return environment_failure(result, self.modules)

    def of_collection(self, path: str, text: str) -> EnvironmentFailure | None:
        return collection_breakage(path, text, self.modules, self.is_test_path)
