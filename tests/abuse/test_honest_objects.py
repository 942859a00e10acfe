"""What speaks against lax objects does not speak against honest ones."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.abuse.cheats.objects import FILES, HONEST
from tests.support.verdict_case import Case, open_case


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    with open_case(FILES) as opened:
        yield opened


@pytest.mark.parametrize("name", HONEST)
def test_honest_patch_is_accepted(case: Case, name: str) -> None:
    verdict = case.validate(HONEST[name])
    assert verdict.plausible, verdict.objections
