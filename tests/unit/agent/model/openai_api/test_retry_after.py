"""How long a server asks to wait: its header may hold anything."""

from __future__ import annotations

import httpx
import pytest

from agent.model.openai_api.connection import _retry_after


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"7", 7.0), (b"\xb2", None), (b"-1", None), (b"Mon, 30 Nov 2026 10:00:00 GMT", None)],
)
def test_only_a_number_of_seconds_counts(value: bytes, seconds: float | None) -> None:
    response = httpx.Response(429, headers=[(b"retry-after", value)])
    assert _retry_after(response) == seconds
