"""The speed benchmark runs, at the tiny size, and says what it should."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402

from agent.model.local.loading import kernels_in_use  # noqa: E402
from benchmarks.decode_speed import plain_torch, prefill  # noqa: E402
from benchmarks.random_model import build  # noqa: E402
from benchmarks.reporting import ROOT  # noqa: E402


@pytest.mark.slow
def test_the_benchmark_at_tiny_size(tmp_path: Path) -> None:
    """Compiling gets no time here: that it is given up and said so is what is seen. A process of
    its own: torch leaves files open where it is interrupted."""
    words = "--size tiny --device cpu --rows 1 3 --context 40 --prefill 32 64 --steps 4"
    words += f" --compiled --compile-seconds 0.01 --folder {tmp_path / 'weights'}"
    command = [sys.executable, "-m", "benchmarks.decode_speed", *words.split()]
    subprocess.run([*command, "--output", str(tmp_path / "out.json")], cwd=ROOT, check=True)
    figures = json.loads((tmp_path / "out.json").read_text())
    eager, compiled = figures["decode"][:2], figures["decode"][2:]
    assert [d["rows"] for d in eager] == [1, 3]
    assert all(d["tokens_per_second"] > 0 and d["share_of_floor"] > 0 for d in eager)
    assert [d["way"] for d in compiled] == ["layers"] * 2 + ["compiled"] * 2
    assert all(d["floor_tokens_per_second"] > 0 for d in figures["decode"])
    assert all("compiling took over" in d["why_not"] for d in compiled)
    assert [p["tokens"] for p in figures["prefill"]] == [32, 64]
    assert all(p["share_of_floor"] > 0 for p in figures["prefill"])
    assert figures["load_seconds"] > 0
    assert figures["peak_bytes"]["load"] > 0
    assert figures["conditions"]["kernels"]


def test_fast_kernels_are_put_aside_and_come_back() -> None:
    model = build("tiny", "cpu")
    module = importlib.import_module(type(model).__module__)
    (name, *_) = kernels_in_use(model)
    fast = getattr(module, name)
    torch.manual_seed(1)
    with_fast, _ = prefill(model, 8)
    torch.manual_seed(1)
    with plain_torch(model):
        assert getattr(module, name) is not fast
        plain, _ = prefill(model, 8)
    assert getattr(module, name) is fast
    assert torch.allclose(plain.layers[-1].keys, with_fast.layers[-1].keys, atol=1e-5)
