"""The line that matters in what a runner said before it ended."""

from __future__ import annotations

import pytest

from agent.baseline.failures.startup_output import telling_line

USAGE = """\
ERROR: usage: __main__.py [options] [file_or_dir] [file_or_dir] [...]
__main__.py: error: unrecognized arguments: --cov=shop --cov-report=xml
  inifile: /workspace/pyproject.toml
  rootdir: /workspace
"""
CONFTEST = """\
ImportError while loading conftest '/workspace/tests/conftest.py'.
tests/conftest.py:3: in <module>
    from shop import settings
shop/settings.py:9: in <module>
    raise RuntimeError("set SHOP_KEY")
E   RuntimeError: set SHOP_KEY
"""
INTERNAL = """\
INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "/p/pluggy/_callers.py", line 121, in _multicall
INTERNALERROR> shop.errors.ShopClosedError: closed on Sunday
"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (USAGE, "unrecognized arguments: --cov=shop --cov-report=xml"),
        (
            "ERROR: file or directory not found: test/\n\nno tests ran in 0.00s\n",
            "file or directory not found: test/",
        ),
        (CONFTEST, "RuntimeError: set SHOP_KEY"),
        (INTERNAL, "shop.errors.ShopClosedError: closed on Sunday"),
        ("first\nlast words\n", "last words"),
        ("", ""),
    ],
    ids=["usage", "path", "conftest", "internal", "other", "nothing"],
)
def test_the_line_that_says_what_is_wrong(output: str, line: str) -> None:
    assert telling_line(output) == line
