"""Canary tests with random names, as cases of unittest: pytest and unittest both take them."""

from __future__ import annotations

import posixpath
import secrets

from sandbox.languages.base import Canary
from sandbox.runners.test_ids import id_in_file


def make_canary(beside: str, test_id: str) -> Canary:
    """A canary in the folder of the file `beside`, named in the style of `test_id`."""
    file = f"test_{secrets.token_hex(6)}.py"
    passing_name, failing_name = f"test_{secrets.token_hex(6)}", f"test_{secrets.token_hex(6)}"
    case = f"Test{secrets.token_hex(6)}"
    token, other_token = secrets.token_hex(8), secrets.token_hex(8)
    content = (
        "import unittest\n\n\n"
        f"class {case}(unittest.TestCase):\n"
        f"    def {passing_name}(self):\n        self.assertEqual({token!r}, {token!r})\n\n"
        f"    def {failing_name}(self):\n        self.assertEqual({token!r}, {other_token!r})\n"
    ).encode()
    path = posixpath.join(posixpath.dirname(beside), file)
    prefix = id_in_file(path, case, "", like=test_id, like_file=beside)
    return Canary(
        path=path, content=content, must_pass=prefix + passing_name, must_fail=prefix + failing_name
    )
