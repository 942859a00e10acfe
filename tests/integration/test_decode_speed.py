"""The speed benchmark runs, at the tiny size, and says what it should."""

from __future__ import annotations

import json
from pathlib import Path

from tests.model_extra import require_model_extra

require_model_extra()

from benchmarks.decode_speed import main  # noqa: E402


def test_the_benchmark_at_tiny_size(tmp_path: Path) -> None:
    words = "--size tiny --device cpu --rows 1 3 --context 40 --prefill 32 64 --steps 4"
    main([*words.split(), "--output", str(tmp_path / "out.json")])
    figures = json.loads((tmp_path / "out.json").read_text())
    assert [d["rows"] for d in figures["decode"]] == [1, 3]
    assert all(d["tokens_per_second"] > 0 and d["share_of_floor"] > 0 for d in figures["decode"])
    assert [p["tokens"] for p in figures["prefill"]] == [32, 64]
    assert figures["conditions"]["kernels"]
