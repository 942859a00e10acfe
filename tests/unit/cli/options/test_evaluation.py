"""What is typed after `repair evaluate`: who answers, and a sentence for what cannot be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.evaluation.records import AnswerSource
from cli.errors import BadInput
from cli.options.evaluation import EvaluateRequest

URL = "http://127.0.0.1:8000/v1"


@pytest.fixture
def request_(tmp_path: Path) -> EvaluateRequest:
    return EvaluateRequest(data=str(tmp_path), model_url=URL)


@pytest.mark.parametrize(
    ("typed", "way", "parallel"),
    [
        ({}, AnswerSource.MODEL, 8),
        ({"loop": True}, AnswerSource.LOOP, 1),
        ({"model": "none", "model_url": None}, AnswerSource.SEARCH, 1),
        ({"model": "reference", "model_url": None}, AnswerSource.REFERENCE, 8),
        ({"model": "buggy", "model_url": None}, AnswerSource.BUGGY, 8),
        ({"model": "none"}, AnswerSource.MODEL, 8),  # the name of a model at a server
    ],
)
def test_who_answers(
    request_: EvaluateRequest, typed: dict[str, object], way: AnswerSource, parallel: int
) -> None:
    plan = replace(request_, **typed).plan("humanevalfix", None)  # type: ignore[arg-type]
    assert (plan.way, plan.parallel) == (way, parallel)
    assert (plan.model_url is not None) == (way in (AnswerSource.MODEL, AnswerSource.LOOP))


def test_the_server_of_the_installation_is_asked_where_none_is_named(tmp_path: Path) -> None:
    named = EvaluateRequest(data=str(tmp_path)).plan("humaneval", URL)
    assert (named.way, named.model_url) == (AnswerSource.MODEL, URL)
    secret = URL.replace("http://", "http://me:secret@")
    assert EvaluateRequest(data=str(tmp_path)).plan("humaneval", secret).model_url == URL


def test_the_plan_holds_what_was_typed(request_: EvaluateRequest) -> None:
    typed = replace(
        request_, samples=5, seed=3, price="0.2,0.8", trained_until="2026-01", only=["a"]
    )
    plan = typed.plan("humaneval", None)
    assert (plan.samples, plan.sampling.seed, plan.only) == (5, 3, ("a",))
    assert (plan.price_per_million, plan.trained_until) == ((0.2, 0.8), "2026-01")
    assert (plan.sampling.temperature, plan.sampling.top_p, plan.sampling.top_k) == (0.6, 0.95, 20)
    assert plan.conditions["processors"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"data": "/no/such/file"}, "There is no /no/such/file"),
        ({"model_url": None}, "Name who is to answer"),
        ({"model_url": "ftp://x"}, "starts with http"),
        ({"model_url": "http://me:secret@gpu/v1"}, "in REPAIR_MODEL_URL"),
        ({"model": "/no/model", "model_url": None}, "no folder of a checkpoint"),
        ({"model": "reference", "model_url": None, "loop": True}, "--loop is for a model"),
        ({"model": "none", "model_url": None, "samples": 2}, "would be the same"),
        ({"samples": 0}, "--samples 0"),
        ({"samples": 1000}, "--samples 1000"),
        ({"temperature": 0.0}, "greedy"),
        ({"top_p": 2.0}, "top_p"),
        ({"limit": 0}, "--limit 0"),
        ({"parallel": 0}, "--parallel 0"),
        ({"graders": -1}, "--graders -1"),
        ({"test_seconds": float("nan")}, "--test-seconds"),
        ({"repair_seconds": 0.0}, "--repair-seconds"),
        ({"sandbox": "vm"}, "--sandbox"),
        ({"trained_until": "May 2026"}, "YYYY-MM"),
        ({"price": "cheap"}, "two numbers"),
        ({"price": "1,-2"}, "two numbers"),
        ({"price": "1"}, "two numbers"),
    ],
)
def test_what_cannot_be_used_has_a_sentence(
    request_: EvaluateRequest, typed: dict[str, object], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        replace(request_, **typed).plan("humaneval", None)  # type: ignore[arg-type]
