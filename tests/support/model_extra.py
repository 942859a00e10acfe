"""Tests of the real model path need torch, which is gigabytes and not in every installation."""

from __future__ import annotations

import importlib.util
import os

import pytest

_NEEDED = ("torch", "transformers", "xgrammar")


def require_model_extra() -> None:
    """Skip the calling test module where the `model` extra is not installed.

    With REPAIR_TEST_MODEL=1 in the environment (set where it must be installed) nothing is
    skipped, and the missing import fails instead.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing and os.environ.get("REPAIR_TEST_MODEL") != "1":
        pytest.skip(
            f"{missing[0]} is not installed (make test MODEL=1)",
            allow_module_level=True,
        )
