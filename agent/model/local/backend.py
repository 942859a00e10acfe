"""A model in this process, through transformers: the engine, with text on both sides."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import Any, TypeAlias, TypeVar

from jinja2 import TemplateError

from agent.model.base import (
    Completion,
    FinishReason,
    GenerationParams,
    Message,
    TokenEvent,
    TokenListener,
    Tool,
    ToolChoice,
    Usage,
)
from agent.model.chat.call_grammar import CallGrammar
from agent.model.chat.template import (
    THINK_CLOSE,
    THINK_OPEN,
    parse_message,
    template_messages,
    template_tools,
)
from agent.model.engine_settings import EngineSettings
from agent.model.errors import ContextWindowExceeded, RequestRefused
from agent.model.health import Health
from agent.model.local.device_limits import floor_tokens_per_second, measured_bandwidth
from agent.model.local.engine import Engine
from agent.model.local.engine_requests import Generation, Scoring
from agent.model.local.generation.sequence import GeneratedSequence, Vocabulary
from agent.model.local.generation.token_ledger import TokenLedger
from agent.model.local.loading import LoadedModel, StartupReport, load_model

T = TypeVar("T")
Pieces: TypeAlias = "queue.SimpleQueue[TokenEvent]"
_POLL_SECONDS = 0.5
_LISTEN_SECONDS = 0.05
_CACHE_SHARE = 0.4
"""Of the memory left after loading: caches kept between turns. The rest is for running ones."""
_CPU_CACHE_BYTES = 1 << 30
_MIN_ANSWER_TOKENS = 16
"""Tokens an answer must have room for."""
_CLOSING = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the "
    f"thinking directly now.\n{THINK_CLOSE}\n\n"
)
"""The vendor's own words to end the thinking early; the model was trained with them."""


class TransformersModel:
    """A checkpoint on this machine's device. One object per device; any number of callers."""

    def __init__(self, loaded: LoadedModel, settings: EngineSettings | None = None) -> None:
        self.name = f"transformers:{loaded.report.path.rstrip('/').split('/')[-1]}"
        self._model, self._tokenizer = loaded.model, loaded.tokenizer
        self.report: StartupReport = loaded.report
        self._ends = _end_ids(loaded)
        turn_end = self._tokenizer.eos_token or ""
        self._ledger = TokenLedger(self._encode, turn_end)
        self._vocabulary = self._read_vocabulary()
        self._grammar: CallGrammar | None = None
        self._grammar_lock = threading.Lock()
        self._engine = Engine(self._model, settings or _default_settings(loaded.report))

    @classmethod
    def load(
        cls,
        path: str,
        *,
        device: str = "auto",
        dtype: str = "auto",
        context_window: int | None = None,
        settings: EngineSettings | None = None,
        compile_backend: str = "",
        cancelled: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> TransformersModel:
        """Load a checkpoint (see `load_model`, also for the errors) and start the engine.

        Without `settings` the cache is sized by the memory that is left; `compile_backend` is as
        there.
        """
        loaded_model = load_model(
            path,
            device=device,
            dtype=dtype,
            context_window=context_window,
            cancelled=cancelled,
            tell=tell,
        )
        default = replace(_default_settings(loaded_model.report), compile_backend=compile_backend)
        return cls(loaded_model, settings or default)

    @property
    def context_window(self) -> int:
        return self.report.context_window

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool],
        params: GenerationParams,
        n: int = 1,
        *,
        on_token: TokenListener | None = None,
        cancel: threading.Event | None = None,
    ) -> list[Completion]:
        """As the Protocol says; `on_token` is called on the caller's thread.

        Raises ContextWindowExceeded, ModelDoesNotFit, ModelUnavailable.
        """
        text = self.render(messages, tools, thinking=params.thinking)
        prompt = self._ledger.encode(text)
        room = self._room(len(prompt))
        thinking_open = text.rstrip().endswith(THINK_OPEN)
        pieces: Pieces = queue.SimpleQueue()
        seed = random.getrandbits(48) if params.seed is None else params.seed
        answers = [
            GeneratedSequence(
                vocabulary=self._vocabulary,
                params=params,
                max_tokens=min(params.max_tokens, room),
                seed=seed + index,
                thinking=thinking_open,
                matcher=self._matcher(tools, params, thinking_open),
                stream=None if on_token is None else _writer(pieces, index),
            )
            for index in range(n)
        ]
        generation = Generation(prompt=prompt, answers=answers, cancel=cancel)
        try:
            _wait(self._engine.generate(generation), pieces, on_token)
        finally:
            # Also when the listener or Ctrl-C ended the wait: the engine need not go on.
            generation.abandoned.set()
        return [
            self._completion(text, generation, answer, tools, thinking_open) for answer in answers
        ]

    def score(
        self,
        prefix: Sequence[Message] | str,
        continuations: Sequence[str],
        *,
        cancel: threading.Event | None = None,
    ) -> list[float]:
        """As the Protocol says. The prefix is prefilled once and stays in the cache.

        Continuations are tokenized by themselves, so the border falls where the prefix ends.
        """
        text = prefix if isinstance(prefix, str) else self.render(prefix, (), thinking=False)
        ids = self._encode(text) or [min(self._ends)]
        continuation_ids = [self._encode(continuation) for continuation in continuations]
        self._room(len(ids) + max((len(tokens) for tokens in continuation_ids), default=0))
        scoring = Scoring(prefix=ids, continuations=continuation_ids, cancel=cancel)
        return _wait(self._engine.score(scoring))

    def render(self, messages: Sequence[Message], tools: Sequence[Tool], *, thinking: bool) -> str:
        """The prompt as text, by the checkpoint's own template, old thinking kept.

        Raises RequestRefused when the template does not take the messages as they are.
        """
        try:
            prompt = self._tokenizer.apply_chat_template(
                template_messages(messages),
                tools=template_tools(tools) or None,
                add_generation_prompt=True,
                tokenize=False,
                enable_thinking=thinking,
                preserve_thinking=True,
            )
        except TemplateError as error:
            raise RequestRefused(f"the chat template refuses the messages: {error}") from error
        return str(prompt)

    def floor_tokens_per_second(self) -> float:
        """Most tokens a second that one answer can have here; measures the memory first."""
        bandwidth = measured_bandwidth(self.report.device)
        return floor_tokens_per_second(self._model, bandwidth)

    def health(self) -> Health:
        return self._engine.health()

    def when_stopped(self, call: Callable[[], None]) -> None:
        self._engine.stopped.add_done_callback(lambda _: call())

    def close(self) -> None:
        self._engine.close()

    def _completion(
        self,
        prompt: str,
        generation: Generation,
        answer: GeneratedSequence,
        tools: Sequence[Tool],
        thinking: bool,
    ) -> Completion:
        text = answer.text()
        finish = answer.finish or FinishReason.CANCELLED
        if finish is not FinishReason.REPETITION and answer.stopped_at is None:
            self._ledger.remember(prompt + text, [*generation.prompt, *answer.ids])
        cut = finish is not FinishReason.STOP
        turn = parse_message(text, tools, thinking_open=thinking, truncated=cut)
        if finish is FinishReason.STOP and turn.message.tool_calls:
            finish = FinishReason.TOOL_CALLS
        usage = Usage(
            prompt_tokens=len(generation.prompt),
            cached_tokens=generation.cached_tokens,
            completion_tokens=len(answer.ids),
            reasoning_tokens=answer.reasoning_tokens,
        )
        return Completion(
            message=turn.message, finish_reason=finish, usage=usage, format_errors=turn.errors
        )

    def _room(self, prompt_tokens: int) -> int:
        window = self.context_window
        if prompt_tokens + _MIN_ANSWER_TOKENS > window:
            raise ContextWindowExceeded(
                f"the prompt has {prompt_tokens} tokens and the context window is {window}",
                tokens=prompt_tokens,
                window=window,
            )
        return window - prompt_tokens

    def _matcher(self, tools: Sequence[Tool], params: GenerationParams, thinking: bool) -> Any:
        if params.tool_choice is not ToolChoice.REQUIRED or not tools:
            return None
        with self._grammar_lock:
            if self._grammar is None:
                width = self._model.config.get_text_config().vocab_size
                self._grammar = CallGrammar(self._tokenizer, width, sorted(self._ends))
            return self._grammar.matcher(tools, thinking=thinking)

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _decode(self, ids: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(
                list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False
            )
        )

    def _read_vocabulary(self) -> Vocabulary:
        close = self._encode(THINK_CLOSE)
        thinks = len(close) == 1
        return Vocabulary(
            decode=self._decode,
            ends=self._ends,
            think_close=close[0] if thinks else None,
            closing=tuple(self._encode(_CLOSING)) if thinks else (),
        )


def _end_ids(loaded_model: LoadedModel) -> frozenset[int]:
    """Every id that ends a turn: the generation config's, which may be several, and the
    tokenizer's own."""
    setting = loaded_model.model.generation_config.eos_token_id
    ids = set(setting) if isinstance(setting, list | tuple) else {setting}
    return frozenset(ids | {loaded_model.tokenizer.eos_token_id}) - {None}


def _default_settings(report: StartupReport) -> EngineSettings:
    on_cpu = report.device == "cpu"
    cache_bytes = int(report.free_bytes * _CACHE_SHARE)
    return EngineSettings(cache_bytes=min(cache_bytes, _CPU_CACHE_BYTES) if on_cpu else cache_bytes)


def _writer(pieces: Pieces, index: int) -> Callable[[str, bool], None]:
    return lambda text, reasoning: pieces.put(
        TokenEvent(index=index, text=text, reasoning=reasoning)
    )


def _wait(
    future: Future[T], pieces: Pieces | None = None, listen: TokenListener | None = None
) -> T:
    """Wait for the engine in short turns, so that Ctrl-C is heard, and pass on what it writes."""
    while True:
        is_done = future.done()
        while listen is not None and pieces is not None and not pieces.empty():
            listen(pieces.get())
        if is_done:
            return future.result()
        with contextlib.suppress(NotYet):
            future.exception(timeout=_LISTEN_SECONDS if listen is not None else _POLL_SECONDS)
