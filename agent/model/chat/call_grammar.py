"""Tool calls that cannot be written wrongly: xgrammar's structural tag of the Qwen XML form."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from agent.extras import how_to_add
from agent.model.base import Tool
from agent.model.chat.template import template_tools
from agent.model.errors import MissingPackage

_FORMAT = "qwen_3_5"


class CallGrammar:
    """Compiles, once per set of tools, what the answer may be. Thread-safe like its compiler."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: Sequence[int]) -> None:
        """`vocabulary` is the width of the logits. Raises MissingPackage."""
        try:
            import xgrammar
        except ImportError as error:
            raise MissingPackage(
                f"constrained tool calls need xgrammar: {how_to_add('model')}"
            ) from error
        self._xgrammar = xgrammar
        info = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary, stop_token_ids=list(ends)
        )
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=2)
        self._vocabulary = vocabulary
        self._compiled: dict[str, Any] = {}

    def matcher(self, tools: Sequence[Tool], *, thinking: bool) -> CallMatcher:
        """Follows one answer that must hold exactly one call of one of the tools."""
        tool_list = template_tools(tools)
        key = json.dumps([tool_list, thinking], sort_keys=True)
        if key not in self._compiled:
            tag = self._xgrammar.get_model_structural_tag(
                _FORMAT,
                tools=tool_list,
                tool_choice="required",
                reasoning="enabled" if thinking else "disabled",
                parallel_tool_calls=False,
                max_whitespace_cnt=1,
            )
            self._compiled[key] = self._compiler.compile_structural_tag(tag)
        return CallMatcher(self._xgrammar, self._compiled[key], self._vocabulary)


class CallMatcher:
    """The state of one answer in its grammar, token by token."""

    def __init__(self, xgrammar: Any, compiled: Any, vocabulary: int) -> None:
        self._xgrammar = xgrammar
        self._matcher = xgrammar.GrammarMatcher(compiled)
        self._mask = xgrammar.allocate_token_bitmask(1, vocabulary)

    def restrict(self, logits: Any) -> None:
        """Set the logits [vocabulary] of what may not come next to minus infinity, in place."""
        if self._matcher.is_terminated():
            return
        self._matcher.fill_next_token_bitmask(self._mask, 0)
        mask = self._mask.to(logits.device)
        self._xgrammar.apply_token_bitmask_inplace(logits.unsqueeze(0), mask)

    def accept(self, token: int) -> bool:
        """Move on by a token; False when the grammar does not allow it here."""
        return self._matcher.is_terminated() or bool(self._matcher.accept_token(token))
