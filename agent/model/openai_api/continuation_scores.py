"""Log-probabilities of a continuation out of a server's log-probabilities of the whole text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def continuation_score(
    answer: object, prefix: str, continuations: Sequence[str]
) -> list[float] | None:
    """Natural-log probability of each continuation; None where the answer holds none.

    `answer` is what `/completions` said to the prompts `prefix + continuation`, with `echo`
    (`logprobs.text_offset`) or with `prompt_logprobs` (one mapping per prompt token).
    """
    choices = answer.get("choices") if isinstance(answer, Mapping) else None
    if not isinstance(choices, list) or len(choices) != len(continuations):
        return None
    scores: list[float] = []
    for position, choice in enumerate(choices):
        if not isinstance(choice, Mapping):
            return None
        index = choice.get("index", position)
        continuation = continuations[index if isinstance(index, int) else position]
        score = _from_echo(choice, len(prefix), len(prefix) + len(continuation))
        if score is None:
            score = _from_prompt_logprobs(choice, len(continuation))
        if score is None:
            return None
        scores.append(score)
    order = [choice.get("index", position) for position, choice in enumerate(choices)]
    return [score for _, score in sorted(zip(order, scores, strict=True))]


def _from_echo(choice: Mapping[str, object], start: int, end: int) -> float | None:
    logprobs = choice.get("logprobs")
    if not isinstance(logprobs, Mapping):
        return None
    offsets, values = logprobs.get("text_offset"), logprobs.get("token_logprobs")
    if not isinstance(offsets, list) or not isinstance(values, list) or 0 not in offsets:
        return None
    ends = [*offsets[1:], end]
    spans = zip(offsets, ends, values, strict=False)
    return _total([value for at, stop, value in spans if at < end and stop > start])


def _from_prompt_logprobs(choice: Mapping[str, object], length: int) -> float | None:
    tokens = choice.get("prompt_logprobs")
    if not isinstance(tokens, list):
        return None
    values: list[object] = []
    characters = 0
    for token in reversed(tokens):
        if characters >= length:
            break
        if not isinstance(token, Mapping) or not token:
            return None
        # The prompt's own token comes first; others are the likeliest in its place.
        token_entry = next(iter(token.values()))
        if not isinstance(token_entry, Mapping):
            return None
        characters += len(str(token_entry.get("decoded_token") or ""))
        values.append(token_entry.get("logprob"))
    return _total(values) if characters >= length else None


def _total(values: Sequence[object]) -> float | None:
    if not all(isinstance(value, int | float) for value in values):
        return None
    return float(sum(value for value in values if isinstance(value, int | float)))
