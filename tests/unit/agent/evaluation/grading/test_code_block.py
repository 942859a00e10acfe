"""Where the code of an answer is found."""

from __future__ import annotations

import pytest

from agent.evaluation.grading.code_block import code_of, preamble

RIGHT = "def f(x):\n    return x\n"
PROMPT = "import math\n\n\ndef f(x):\n"


def fenced(code: str, word: str = "python") -> str:
    return f"```{word}\n{code}```"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (fenced(RIGHT), RIGHT),
        (f"Sure!\n\n{fenced(RIGHT)}\n\nIt returns x.", RIGHT),
        (f"First {fenced('g = 1' + chr(10))}\nthen\n{fenced(RIGHT)}", RIGHT),
        (f"{fenced(RIGHT)}\nUse it:\n{fenced('print(f(1))' + chr(10))}", RIGHT),
        (f"{fenced('def f(x): ...' + chr(10))}\nbetter:\n{fenced(RIGHT)}", RIGHT),
        (f"~~~\n{RIGHT}~~~", RIGHT),
        (f"```python\n{RIGHT}", RIGHT),  # cut off before the fence was closed
        (RIGHT, RIGHT),
        ("f = lambda x: x\n", "f = lambda x: x\n"),
        ("    return x\n", PROMPT + "    return x\n"),  # a base model goes on
        (fenced("def f(:\n"), "def f(:\n"),  # not Python: its tests will say so
    ],
)
def test_the_code_is_found(answer: str, code: str) -> None:
    assert code_of(answer, "f", PROMPT) == code


@pytest.mark.parametrize("answer", ["", "   \n", "I cannot do that.", "```python\n```", "g = 1"])
def test_an_answer_without_code_has_none(answer: str) -> None:
    assert code_of(answer, "f", "") is None


def test_the_preamble_is_what_stands_before_the_function() -> None:
    assert preamble("import math\n\ndef g(): ...\n\ndef f(x):\n", "f") == (
        "import math\n\ndef g(): ...\n\n"
    )
    assert preamble("x", "f") == ""


@pytest.mark.parametrize("answer", ["`" * 200_000, "~" * 200_000, "```" + "a" * 200_000])
def test_a_model_that_repeats_itself_is_read_at_once(answer: str) -> None:
    assert code_of(answer, "f") is None
