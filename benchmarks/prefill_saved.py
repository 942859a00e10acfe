"""Prompt tokens that a kept cache saves over one conversation of many turns.

A model in this process is asked turn by turn, with the tools of the product, and says how many
tokens of each prompt it found in its cache. Two histories: *own answers* keeps what the model
wrote, as a conversation does; *scripted answers* puts others in their place, as where a template
does not write a malformed answer the way the model did: then only the prompt before it is found.

    python -m benchmarks.prefill_saved PATH_OF_A_CHECKPOINT
    python -m benchmarks.prefill_saved --tiny        # builds the tests' tiny model

Exit code 0 when it was measured, 2 for a bad argument.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agent.model.base import GenerationParams, Message, ModelBackend, ToolCall
from agent.model.open import open_model
from agent.proposers.agentic.actions import TOOLS
from benchmarks.reporting import conditions, rounded, say, write_result

TURNS = 40
ANSWER_TOKENS = 12
OBSERVATION = "line {n}: the output of a command, of about the length they have.\n" * 6


def questions(own: bool, model: ModelBackend) -> Iterator[tuple[int, int]]:
    """Prompt tokens and cached tokens of each turn."""
    messages = [
        Message(role="system", content="You repair Python projects. " * 20),
        Message(role="user", content="Some tests fail. " * 60),
    ]
    params = GenerationParams(max_tokens=ANSWER_TOKENS, seed=1)
    for turn in range(TURNS):
        (completion,) = model.generate(messages, TOOLS, params)
        usage = completion.usage
        yield usage.prompt_tokens, usage.cached_tokens
        call = ToolCall(name="bash", arguments={"command": f"sed -n '{turn}p' a.py"}, call_id="c")
        scripted = Message(
            role="assistant", content="I look.", reasoning="Let me see.", tool_calls=(call,)
        )
        told = OBSERVATION.replace("{n}", str(turn))
        if own:
            messages += [completion.message, Message(role="user", content=told)]
        else:
            messages += [scripted, Message(role="tool", content=told, tool_call_id="c")]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", help="folder of a checkpoint")
    parser.add_argument("--tiny", action="store_true", help="the tests' tiny model")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    if (options.model is None) == (not options.tiny):
        print("give either the folder of a checkpoint or --tiny")
        return 2
    results = {}
    with tempfile.TemporaryDirectory() as scratch:
        path = options.model or tiny(Path(scratch))
        for own in (False, True):
            model = open_model(path)
            try:
                turns = list(questions(own, model))
            finally:
                model.close()
            results["own answers" if own else "scripted answers"] = shares(turns)
    for name, result in results.items():
        say(f"{name}: {result['saved_share']:.1%} of {result['prompt_tokens']} prompt tokens saved")
    if options.output:
        facts = conditions(model=options.model or "tiny", answer_tokens=ANSWER_TOKENS)
        write_result(options.output, {"conditions": facts, "results": results})
    return 0


def tiny(folder: Path) -> str:
    from tests.support.tiny_model import build_tiny_model

    return str(build_tiny_model(folder, context_window=65_536))


def shares(turns: list[tuple[int, int]]) -> dict[str, object]:
    prompts, cached = (sum(column) for column in zip(*turns, strict=True))
    return {
        "turns": len(turns),
        "prompt_tokens": prompts,
        "cached_tokens": cached,
        "saved_share": rounded(cached / prompts, 4),
        "prefilled_a_turn": rounded((prompts - cached) / len(turns), 1),
        "last_prompt_tokens": turns[-1][0],
    }


if __name__ == "__main__":
    sys.exit(main())
