"""Which cached prefixes are found, and which are given up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402
from transformers.cache_utils import DynamicCache  # noqa: E402

from agent.model.base import GenerationParams  # noqa: E402
from agent.model.local.generation.prefix_store import PrefixStore  # noqa: E402
from agent.model.local.generation.sampling import sample  # noqa: E402


def cache_of(tokens: int) -> Any:
    """8 bytes a token: one layer, one head of one number, keys and values in float32."""
    cache = DynamicCache()
    cache.update(torch.zeros(1, 1, tokens, 1), torch.zeros(1, 1, tokens, 1), 0)
    return cache


def test_the_longest_prefix_is_found() -> None:
    store = PrefixStore(10_000)
    for ids in ([1], [1, 2, 3], [1, 2, 9], [1, 2, 3, 4, 5]):
        store.put(ids, cache_of(len(ids)))
    kept = store.longest([1, 2, 3, 4])
    assert kept is not None
    assert kept.ids == (1, 2, 3)
    assert store.longest([2]) is None


def test_a_whole_prompt_is_used_only_with_its_logits() -> None:
    store = PrefixStore(10_000)
    store.put([1, 2], cache_of(2))
    assert store.longest([1, 2]) is None
    store.put([1, 2], cache_of(2), torch.zeros(1, 5))
    kept = store.longest([1, 2])
    assert kept is not None
    assert kept.logits is not None
    assert len(store) == 1


def test_the_least_recently_used_goes_first() -> None:
    store = PrefixStore(8 * 10)
    store.put([1] * 4, cache_of(4))
    store.put([2] * 4, cache_of(4))
    assert store.longest([1] * 5) is not None
    store.put([3] * 4, cache_of(4))
    assert store.longest([2] * 5) is None
    assert store.longest([1] * 5) is not None
    store.put([4] * 11, cache_of(11))
    assert store.longest([4] * 12) is None
    assert store.bytes_held == 64
    store.clear()
    assert (len(store), store.bytes_held) == (0, 0)


def test_a_prompt_takes_the_place_of_the_turns_that_it_goes_on_from() -> None:
    store = PrefixStore(10_000)
    logits = torch.zeros(1, 5)
    store.put_prompt([1, 2], cache_of(2), logits)
    store.put([1, 2, 3], cache_of(3))
    store.put([1, 2, 4], cache_of(3))  # another answer to the same prompt
    store.put_prompt([1, 2, 3, 5, 6], cache_of(5), logits)
    assert sorted(store._kept) == [(1, 2, 3, 5, 6), (1, 2, 4)]
    assert store.bytes_held == 8 * 8


@pytest.mark.parametrize("room", [1.0, 0.6])
def test_conversations_in_turn_find_their_newest_turn(room: float) -> None:
    """Where prompts and answers of the newest turns fit and no more, and where the answers do."""
    conversations, turns, added = 12, 10, 20
    store = PrefixStore(int(room * 8 * conversations * 2 * (turns * 2 * added)))
    found = asked = 0
    for turn in range(1, turns + 1):
        for conversation in range(conversations):
            prompt = [conversation] * ((2 * turn - 1) * added)
            kept = store.longest(prompt)
            found += 0 if kept is None else len(kept.ids)
            asked += len(prompt)
            store.put_prompt(prompt, cache_of(len(prompt)), torch.zeros(1, 5))
            store.put([*prompt, *[conversation] * added], cache_of(len(prompt) + added))
    assert found / asked == 0.9


@example(logits=[0.0, 0.0, 0.0, 2.0], draw=0.9999999999999998, top_k=0, top_p=0.5, min_p=0.0)
@given(
    st.lists(st.floats(-20, 20), min_size=4, max_size=4),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 4),
    st.floats(0.01, 1),
    st.floats(0, 0.9),
)
def test_only_tokens_that_may_be_chosen_are(
    logits: list[float], draw: float, top_k: int, top_p: float, min_p: float
) -> None:
    params = GenerationParams(temperature=1.0, top_k=top_k, top_p=top_p, min_p=min_p)
    (token,) = sample(torch.tensor([logits]), [params], [draw])
    chances = torch.tensor(logits).softmax(-1)
    likelier = [float(c) for c in chances if c > chances[token]]
    assert len(likelier) < (top_k or 4)
    kept = sorted((float(c) for c in chances), reverse=True)[: top_k or 4]
    assert sum(likelier) / sum(kept) <= top_p + 1e-5
    assert float(chances[token]) >= min_p * float(chances.max()) - 1e-6


def test_draws_follow_the_chances() -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0]]).repeat(3000, 1)
    params = GenerationParams(temperature=1.0, top_p=1.0, top_k=0)
    chosen = sample(logits, [params] * 3000, [i / 3000 for i in range(3000)])
    shares = torch.bincount(torch.tensor(chosen), minlength=3) / 3000
    assert torch.allclose(shares, logits[0].softmax(-1), atol=0.01)


def test_a_row_does_not_depend_on_its_neighbours() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(6, 50, generator=generator)
    params = [GenerationParams(top_k=k, temperature=0.5 + k / 10) for k in (0, 1, 3, 7, 20, 50)]
    draws = [0.1, 0.2, 0.5, 0.7, 0.9, 0.99]
    together = sample(logits, params, draws)
    apart = [sample(logits[i : i + 1], [params[i]], [draws[i]])[0] for i in range(6)]
    assert together == apart
