"""The in-process engine on a CPU, with a tiny model of the real architecture."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.model_extra import require_model_extra

require_model_extra()

import torch  # noqa: E402

from agent.model.base import (  # noqa: E402
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    TokenEvent,
    Tool,
    ToolCall,
    ToolChoice,
)
from agent.model.engine_settings import EngineSettings  # noqa: E402
from agent.model.errors import (  # noqa: E402
    CheckpointUnreadable,
    ContextWindowExceeded,
    GenerationCancelled,
    ModelDoesNotFit,
    ModelUnavailable,
    NoWeights,
    TemplateWithoutTools,
)
from agent.model.local.backend import TransformersModel  # noqa: E402
from agent.model.local.engine_requests import Generation, Scoring  # noqa: E402
from agent.model.local.generation.sequence import GeneratedSequence, Vocabulary  # noqa: E402
from agent.model.local.loading import load_model  # noqa: E402
from agent.model.local.scheduler import Scheduler  # noqa: E402
from tests.support.qwen_format import TOOLS, render_calls  # noqa: E402
from tests.support.tiny_model import build_tiny_model  # noqa: E402

PICK = Tool(
    name="pick",
    description="Pick one.",
    parameters={
        "type": "object",
        "properties": {
            "which": {"type": "string", "enum": ["left", "right"]},
            "times": {"type": "integer", "enum": [1, 2, 3]},
        },
        "required": ["which", "times"],
    },
)
ASK = [Message(role="user", content="Which way?")]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    return build_tiny_model(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def models(checkpoint: Path) -> Iterator[Any]:
    made: list[TransformersModel] = []

    def make(**settings: Any) -> TransformersModel:
        made.append(TransformersModel.load(str(checkpoint), settings=EngineSettings(**settings)))
        return made[-1]

    yield make
    for model in made:
        model.close()


@pytest.fixture
def model(models: Any) -> TransformersModel:
    loaded: TransformersModel = models()
    return loaded


def params(seed: int = 1, **keywords: Any) -> GenerationParams:
    return GenerationParams(**{"max_tokens": 24, "seed": seed, **keywords})


def constrained(seed: int = 1) -> GenerationParams:
    return params(seed, max_tokens=200, thinking=False, tool_choice=ToolChoice.REQUIRED)


def texts(completions: list[Completion]) -> list[str]:
    return [c.message.reasoning + c.message.content for c in completions]


def test_the_start_up_report(model: TransformersModel) -> None:
    report = model.report
    assert report.model_class == "Qwen3_5ForCausalLM"
    assert report.context_window == model.context_window == 4096
    # One attention layer of four: 2 heads x 16 x (keys and values) x 4 bytes.
    assert report.bytes_per_token == 256
    assert report.state_bytes > 0
    assert set(report.kernels.values()) == {"torch"}
    assert any("4096 tokens fit" in line for line in report.lines())


def letters_only(model: TransformersModel) -> None:
    """Make the model write nothing but letters, so that its text is rendered as it was written."""
    vocabulary = model._tokenizer.get_vocab()
    wanted = [i for token, i in vocabulary.items() if token.isascii() and token.isalpha()]

    def push(_: Any, __: Any, logits: Any) -> None:
        logits[..., wanted] += 1e3

    model._model.lm_head.register_forward_hook(push)


def test_a_session_prefills_only_what_is_new_and_says_the_same_as_a_cold_one(models: Any) -> None:
    warm, cold = models(), models(cache_bytes=0)
    said: dict[Any, list[Completion]] = {}
    for model in (warm, cold):
        letters_only(model)
        history, said[model] = list(ASK), []
        for turn in range(6):
            (answer,) = model.generate(history, [PICK], params(turn, thinking=False))
            said[model].append(answer)
            history += [answer.message, Message(role="user", content=f"went {turn}")]
    assert texts(said[warm]) == texts(said[cold])
    assert all(c.usage.cached_tokens == 0 for c in said[cold])
    for before, after in zip(said[warm], said[warm][1:], strict=False):
        # The last token of an answer that was cut off was never read by the model.
        whole = before.usage.prompt_tokens + before.usage.completion_tokens - 1
        assert after.usage.cached_tokens == whole


def test_forty_turns_prefill_less_than_a_tenth(model: TransformersModel) -> None:
    letters_only(model)
    history, asked, cached = list(ASK), 0, 0
    for turn in range(40):
        (answer,) = model.generate(history, [PICK], params(turn, thinking=False, max_tokens=6))
        asked += answer.usage.prompt_tokens
        cached += answer.usage.cached_tokens
        history += [answer.message, Message(role="user", content=f"{turn} failed, as before")]
    assert cached / asked > 0.9


def test_a_session_of_calls_continues_as_a_cold_one(models: Any) -> None:
    warm, cold = models(), models(cache_bytes=0)
    said: dict[Any, list[Completion]] = {}
    for model in (warm, cold):
        history, said[model] = list(ASK), []
        for turn in range(4):
            (answer,) = model.generate(history, [PICK], constrained(turn))
            said[model].append(answer)
            (call,) = answer.message.tool_calls
            result = Message(role="tool", content=f"went {turn}", tool_call_id=call.call_id)
            history += [answer.message, result]
    assert [c.message for c in said[warm]] == [c.message for c in said[cold]]
    for before, after in zip(said[warm], said[warm][1:], strict=False):
        assert after.usage.cached_tokens >= before.usage.prompt_tokens


def test_what_is_not_rendered_as_it_was_written_still_uses_the_prompt_before(models: Any) -> None:
    warm, cold = models(), models(cache_bytes=0)
    answers = {}
    for model in (warm, cold):
        (first,) = model.generate(ASK, (), params(3, thinking_budget=6, max_tokens=60))
        history = [*ASK, first.message, *ASK]
        answers[model] = [first, *model.generate(history, (), params(4), n=2)]
    assert texts(answers[warm]) == texts(answers[cold])
    assert answers[warm][1].usage.cached_tokens >= answers[warm][0].usage.prompt_tokens


def test_sessions_in_one_batch_say_what_each_says_alone(models: Any) -> None:
    together, apart = models(), models(max_rows=1, cache_bytes=0)
    questions = [[Message(role="user", content="word " * size)] for size in (1, 40, 7, 90, 3)]
    with ThreadPoolExecutor(5) as pool:
        asked = [
            pool.submit(together.generate, question, (), params(seed, max_tokens=20 + 7 * seed))
            for seed, question in enumerate(questions)
        ]
        batched = [texts(future.result()) for future in asked]
    alone = [
        texts(apart.generate(question, (), params(seed, max_tokens=20 + 7 * seed)))
        for seed, question in enumerate(questions)
    ]
    assert batched == alone


@pytest.mark.slow
def test_compiled_layers_say_the_same(models: Any, checkpoint: Path) -> None:
    """Traced, and run by torch itself: no machine code is made here. One row, then two of
    different lengths."""
    plain = models()
    compiled = TransformersModel.load(str(checkpoint), compile_backend="eager")
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    said = {}
    for model in (plain, compiled):
        single = model.generate(ASK, (), params(1, max_tokens=60))
        with ThreadPoolExecutor(2) as pool:
            longer = [Message(role="user", content="b " * 30)]
            first = pool.submit(model.generate, ASK, (), params(2))
            second = pool.submit(model.generate, longer, (), params(3))
            said[model] = [texts(single), texts(first.result()), texts(second.result())]
    compiled.close()
    assert said[plain] == said[compiled]
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] > graphs
    assert not torch._dynamo.utils.counters["graph_break"]


def test_n_answers_are_forked_from_one_prefill(models: Any) -> None:
    model = models(max_rows=2)
    forked = model.generate(ASK, (), params(5), n=5)
    single = [texts(model.generate(ASK, (), params(5 + i)))[0] for i in range(5)]
    assert texts(forked) == single
    assert len(set(single)) > 1
    again = model.generate(ASK, (), params(5), n=5)
    assert texts(again) == single
    assert again[0].usage.cached_tokens == again[0].usage.prompt_tokens


def test_a_prompt_taken_in_chunks_is_the_same_prompt(models: Any) -> None:
    question = [Message(role="user", content="many words " * 60)]
    chunked, whole = models(prefill_chunk=37), models()
    assert texts(chunked.generate(question, (), params())) == texts(
        whole.generate(question, (), params())
    )


def test_constrained_calls_always_parse(model: TransformersModel) -> None:
    answers = model.generate(ASK, [PICK], constrained(), n=12)
    for answer in answers:
        assert answer.finish_reason is FinishReason.TOOL_CALLS
        assert answer.format_errors == ()
        (call,) = answer.message.tool_calls
        assert call.arguments["which"] in ("left", "right")
        assert call.arguments["times"] in (1, 2, 3)


def test_a_constrained_call_after_thinking(model: TransformersModel) -> None:
    asked = params(max_tokens=300, thinking_budget=20, tool_choice=ToolChoice.REQUIRED)
    answers = model.generate(ASK, [PICK], asked, n=3)
    assert [len(a.message.tool_calls) for a in answers] == [1, 1, 1]
    assert all(a.message.reasoning for a in answers)


def test_the_thinking_budget_closes_the_thinking(model: TransformersModel) -> None:
    (free,) = model.generate(ASK, (), params(max_tokens=150))
    (bound,) = model.generate(ASK, (), params(max_tokens=150, thinking_budget=10))
    assert free.usage.reasoning_tokens == 150
    assert bound.message.reasoning.endswith("thinking directly now.")
    assert 10 < bound.usage.reasoning_tokens < 120
    assert bound.usage.completion_tokens == 150
    (none,) = model.generate(ASK, (), params(thinking=False))
    assert none.usage.reasoning_tokens == 0
    assert none.message.reasoning == ""


def test_streamed_pieces_make_the_text(model: TransformersModel) -> None:
    pieces: list[TokenEvent] = []
    listener = threading.get_ident()
    threads = set()

    def hear(event: TokenEvent) -> None:
        threads.add(threading.get_ident())
        pieces.append(event)

    asked = params(max_tokens=150, thinking_budget=10)
    answers = model.generate(ASK, (), asked, n=2, on_token=hear)
    assert threads == {listener}
    for index, answer in enumerate(answers):
        thought = "".join(p.text for p in pieces if p.index == index and p.reasoning)
        said = "".join(p.text for p in pieces if p.index == index and not p.reasoning)
        assert thought.strip().removesuffix("</think>").strip() == answer.message.reasoning
        assert answer.message.content.startswith(said.strip().rstrip("\ufffd"))


def test_a_listener_that_fails_ends_only_its_own_request(model: TransformersModel) -> None:
    def fail(event: TokenEvent) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.generate(ASK, (), params(max_tokens=3000), on_token=fail)
    assert texts(model.generate(ASK, (), params()))


def test_stop_strings(model: TransformersModel) -> None:
    (whole,) = model.generate(ASK, (), params(thinking=False, max_tokens=40))
    middle = whole.message.content[10:13]
    (cut,) = model.generate(ASK, (), params(thinking=False, max_tokens=40, stop=(middle,)))
    assert cut.message.content == whole.message.content.split(middle)[0].strip()
    assert cut.finish_reason is FinishReason.STOP


def test_cancelling(model: TransformersModel) -> None:
    cancel = threading.Event()
    answers = model.generate(
        ASK, (), params(max_tokens=4000), n=2, on_token=lambda _: cancel.set(), cancel=cancel
    )
    assert [a.finish_reason for a in answers] == [FinishReason.CANCELLED] * 2
    assert all(0 < a.usage.completion_tokens < 3000 for a in answers)
    (never,) = model.generate(ASK, (), params(), cancel=cancel)
    assert (never.finish_reason, never.usage.completion_tokens) == (FinishReason.CANCELLED, 0)
    with pytest.raises(GenerationCancelled):
        model.score("a", ["b"], cancel=cancel)


def test_both_end_tokens_end_an_answer(model: TransformersModel) -> None:
    head = model._model.lm_head
    for name in ("<|im_end|>", "<|endoftext|>"):
        end = model._tokenizer.convert_tokens_to_ids(name)
        hook = head.register_forward_hook(lambda _, __, out, end=end: pushed(out, end))
        (answer,) = model.generate(ASK, (), params(thinking=False))
        hook.remove()
        assert answer.finish_reason is FinishReason.STOP
        assert "neither text nor a tool call" in answer.format_errors[0]


def pushed(logits: Any, token: int) -> Any:
    logits[..., token] += 1e4
    return logits


def test_going_round_in_circles_is_stopped(model: TransformersModel) -> None:
    token = model._tokenizer.convert_tokens_to_ids("x")
    hook = model._model.lm_head.register_forward_hook(lambda _, __, out: pushed(out, token))
    (answer,) = model.generate(ASK, (), params(max_tokens=2000))
    hook.remove()
    assert answer.finish_reason is FinishReason.REPETITION
    assert answer.usage.completion_tokens == 384


def test_the_context_window_bounds_prompt_and_answer(checkpoint: Path) -> None:
    model = TransformersModel.load(str(checkpoint), context_window=256)
    with pytest.raises(ContextWindowExceeded) as caught:
        model.generate([Message(role="user", content="word " * 300)], (), params())
    assert caught.value.window == model.context_window == 256
    assert (caught.value.tokens or 0) > 300
    (answer,) = model.generate(
        [Message(role="user", content="word " * 50)], (), params(max_tokens=10_000)
    )
    used = answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert (answer.finish_reason, used) == (FinishReason.LENGTH, 256)
    model.close()


def test_scores_are_the_models_own(model: TransformersModel) -> None:
    prefix, continuations = "def f(x):\n    return", [" x", " x + 1\n", "", " tokenizer"]
    scores = model.score(prefix, continuations)
    assert model.score(prefix, continuations) == pytest.approx(scores, rel=1e-5)
    tokenizer, network = model._tokenizer, model._model
    start = tokenizer.encode(prefix)
    for continuation, score in zip(continuations, scores, strict=True):
        tokens = tokenizer.encode(continuation)
        with torch.inference_mode():
            logits = network(input_ids=torch.tensor([start + tokens])).logits[0]
        chances = logits.log_softmax(-1)
        want = sum(float(chances[len(start) + i - 1, t]) for i, t in enumerate(tokens))
        assert score == pytest.approx(want, rel=1e-4, abs=1e-4)


def test_many_scores_after_one_prefix_and_after_messages(model: TransformersModel) -> None:
    continuations = [f" {i}" * (i % 9 + 1) for i in range(100)]
    together = model.score(ASK, continuations)
    assert together[::10] == pytest.approx(
        [model.score(ASK, [c])[0] for c in continuations[::10]], rel=1e-4
    )
    assert model.score("", ["x"])[0] < 0
    assert model.score(ASK, []) == []


def test_an_answer_goes_on_while_candidates_are_scored(model: TransformersModel) -> None:
    begun, asked = threading.Event(), threading.Event()
    order: list[str] = []

    def watch(_: Any, __: Any, kwargs: Any) -> None:
        if kwargs["input_ids"].shape[0] > 1:
            begun.set()
            asked.wait(60)
            order.append("scores")
        elif begun.is_set():
            order.append("answer")

    model._model.register_forward_pre_hook(watch, with_kwargs=True)
    with ThreadPoolExecutor(2) as pool:
        scoring = pool.submit(model.score, "x", [f" a b {number}" for number in range(100)])
        assert begun.wait(60)
        answering = pool.submit(model.generate, ASK, (), params(max_tokens=3))
        while model._engine._asked.empty():
            time.sleep(0.01)
        asked.set()
        assert len(scoring.result()) == 100
        assert texts(answering.result())
    assert "answer" in order[: len(order) - order[::-1].index("scores")]


@pytest.mark.parametrize(("work", "steps_between"), [("score", 4), ("prefill", 1)])
def test_decoding_keeps_its_share_of_the_time(
    checkpoint: Path, work: str, steps_between: int
) -> None:
    """Each forward pass takes a second here: scores may take a fifth of them, prompts half."""
    network = load_model(str(checkpoint)).model
    done: list[str] = []
    scheduler = Scheduler(network, EngineSettings(prefill_chunk=8), clock=lambda: len(done))
    vocabulary = Vocabulary(decode=str, ends=frozenset(), think_close=None, closing=())

    def answer() -> GeneratedSequence:
        asked = params(max_tokens=60)
        return GeneratedSequence(
            vocabulary=vocabulary, params=asked, max_tokens=60, seed=1, thinking=False
        )

    def watch(_: Any, __: Any, kwargs: Any) -> None:
        tokens = kwargs["input_ids"].shape
        done.append("decode" if tokens == (1, 1) else "work")

    with torch.inference_mode():
        scheduler.add(Generation(prompt=[5, 6, 7], answers=[answer()]))
        scheduler.turn()
        network.register_forward_pre_hook(watch, with_kwargs=True)
        if work == "score":
            scheduler.add(Scoring(prefix=[1, 2], continuations=[[3, 4]] * 200))
        else:
            scheduler.add(Generation(prompt=[1] * 80, answers=[answer()]))
        while done.count("work") < 6:
            scheduler.turn()
    # The last piece of work is not paid back yet.
    assert done.count("decode") >= steps_between * (done.count("work") - 1)


def test_loading_can_be_cancelled_between_two_weights(checkpoint: Path) -> None:
    asked: list[bool] = []

    def cancelled() -> bool:
        asked.append(len(asked) >= 5)
        return asked[-1]

    with pytest.raises(GenerationCancelled, match="loading"):
        TransformersModel.load(str(checkpoint), cancelled=cancelled)
    assert len(asked) == 6
    load_model(str(checkpoint))
    assert len(asked) == 6


class Cramped:
    """The device's memory, small: forward passes over more rows than `rows` run out of it."""

    def __init__(self, model: TransformersModel, rows: int) -> None:
        self.rows, self.hits = rows, 0
        network = model._model
        self._hook = network.register_forward_pre_hook(self._check, with_kwargs=True)

    def _check(self, _: Any, args: Any, kwargs: Any) -> None:
        if kwargs["input_ids"].shape[0] > self.rows:
            self.hits += 1
            raise torch.OutOfMemoryError("CUDA out of memory.")

    def lift(self) -> None:
        self._hook.remove()


def test_out_of_memory_makes_the_batch_smaller_and_loses_nothing(models: Any) -> None:
    roomy, cramped = models(), models()
    memory = Cramped(cramped, rows=2)
    assert texts(cramped.generate(ASK, (), params(), n=6)) == texts(
        roomy.generate(ASK, (), params(), n=6)
    )
    continuations = [" a b", " c d e", " f g", " h i", " j k l m"]
    assert cramped.score("x", continuations) == pytest.approx(
        roomy.score("x", continuations), rel=1e-4
    )
    assert memory.hits >= 2


def test_out_of_memory_with_nothing_left_to_give_up_ends_clearly(models: Any) -> None:
    model = models()
    memory = Cramped(model, rows=0)
    for _ in range(2):
        with pytest.raises(ModelDoesNotFit, match="single request of"):
            model.generate(ASK, (), params(), n=2)
    with pytest.raises(ModelDoesNotFit, match="single request of"):
        model.score("x", [" y z"])
    memory.lift()
    assert texts(model.generate(ASK, (), params()))


def test_a_closed_model(models: Any) -> None:
    model = models()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(model.generate, ASK, (), params(max_tokens=4000))
        while not model._engine._work.batch.rows:
            pass
        model.close()
        with pytest.raises(ModelUnavailable, match="closed"):
            running.result()
    with pytest.raises(ModelUnavailable, match="closed"):
        model.generate(ASK, (), params())
    model.close()


def test_the_template_writes_calls_as_the_parser_reads_them(model: TransformersModel) -> None:
    calls = (
        ToolCall(name="bash", arguments={"command": "  ls \n\n</parameter>\n", "restart": True}),
        ToolCall(name="submit", arguments={}),
    )
    said = Message(role="assistant", content="ok", reasoning="hm", tool_calls=calls)
    text = model.render([*ASK, said, *ASK], TOOLS, thinking=True)
    assert f"<think>\nhm\n</think>\n\nok\n\n{render_calls(calls)}<|im_end|>" in text


def test_no_weights(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(NoWeights, match="hf download"):
        load_model(str(tmp_path / "absent"))
    with pytest.raises(NoWeights, match=r"no config\.json"):
        load_model(str(tmp_path))
    (tmp_path / "config.json").write_bytes((checkpoint / "config.json").read_bytes())
    with pytest.raises(NoWeights, match="no weights"):
        load_model(str(tmp_path))
    with pytest.raises(NoWeights, match="not in the local model cache"):
        load_model("nobody/nothing")


def test_a_model_that_does_not_fit(tmp_path: Path, checkpoint: Path) -> None:
    for file in checkpoint.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with (tmp_path / "model.safetensors").open("r+b") as weights:
        weights.truncate(4 << 40)
    with pytest.raises(ModelDoesNotFit, match=r"4398\.0 GB.*FP8"):
        load_model(str(tmp_path))


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("model.safetensors", b"\x08\0\0\0\0\0\0\0{}", "cannot be read.*Download"),
        ("config.json", b"{", "not a valid JSON file"),
        ("config.json", b'{"model_type": "of_tomorrow"}', "of_tomorrow"),
    ],
)
def test_a_damaged_checkpoint(
    tmp_path: Path, checkpoint: Path, file: str, content: bytes, says: str
) -> None:
    shutil.copytree(checkpoint, tmp_path, dirs_exist_ok=True)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(CheckpointUnreadable, match=says):
        load_model(str(tmp_path))


@pytest.mark.parametrize(
    ("template", "says"), [(None, "no chat template"), ("{{ messages[0].content }}", "ignores")]
)
def test_a_template_without_tools(tmp_path: Path, template: str | None, says: str) -> None:
    with pytest.raises(TemplateWithoutTools, match=says):
        load_model(str(build_tiny_model(tmp_path, template=template)))
