"""What is known of a project: how it is installed, imported and tested."""

from __future__ import annotations

from sandbox.detect.detection import understand
from sandbox.detect.record import Overrides, Project, pytest_addopts
from sandbox.detect.testing import RunnerKind, TestSetup

__all__ = ["Overrides", "Project", "RunnerKind", "TestSetup", "pytest_addopts", "understand"]
