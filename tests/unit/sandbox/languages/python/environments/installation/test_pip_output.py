"""What is said of a failed installation: the cause, not what it led to."""

from __future__ import annotations

import pytest

from sandbox.languages.python.environments.installation.pip_output import (
    advice_of,
    cause_of,
    wants_older_python,
)

INNER = """
  error: subprocess-exited-with-error

  x Building editable for calc (pyproject.toml) did not run successfully.
  │ exit code: 1
  ╰─> [31 lines of output]
      running build_ext
      calc.c:1:10: fatal error: Python.h: No such file or directory
          1 | #include <Python.h>
      compilation terminated.
      error: command '/usr/bin/gcc' failed with exit code 1
      Traceback (most recent call last):
        File "/tmp/x.py", line 3, in <module>
          main()
      subprocess.CalledProcessError: Command '['python']' returned non-zero exit status 1.
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building editable for calc
ERROR: Failed to build installable wheels for some pyproject.toml based projects (calc)
"""
RAISED_FROM = """
      Traceback (most recent call last):
      ModuleNotFoundError: No module named 'numpy'
      During handling of the above exception, another exception occurred:
      subprocess.CalledProcessError: Command 'x' returned non-zero exit status 1.
      [end of output]
error: metadata-generation-failed
"""
CONFLICT = """
ERROR: Cannot install a==1 and b==2 because these package versions have conflicting dependencies.
ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/
"""
NOTHING = """
ERROR: Could not find a version that satisfies the requirement nosuch (from versions: none)
ERROR: No matching distribution found for nosuch
"""
MESON = """
      ../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]
      [end of output]
error: metadata-generation-failed
"""
BARE = """
      error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'
      [end of output]
  ERROR: Failed building editable for calc
ERROR: Could not build wheels for calc, which is required to install pyproject.toml-based projects
"""
ABSENT = """
      cc1plus: fatal error: deps/fast.cc: No such file or directory
      compilation terminated.
      error: Command '['g++', '-c', 'deps/fast.cc']' returned non-zero exit status 1.
      [end of output]
  ERROR: Failed building editable for calc
"""


@pytest.mark.parametrize(
    ("output", "cause"),
    [
        (INNER, "calc.c:1:10: fatal error: Python.h: No such file or directory"),
        (RAISED_FROM, "ModuleNotFoundError: No module named 'numpy'"),
        (CONFLICT, CONFLICT.strip().splitlines()[0]),
        (NOTHING, "ERROR: No matching distribution found for nosuch"),
        (BARE, "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'"),
        (ABSENT, "cc1plus: fatal error: deps/fast.cc: No such file or directory"),
        (MESON, "../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]"),
        ("      no compiler for calc\n      [end of output]\n", "no compiler for calc"),
        ("nothing of note\n", ""),
    ],
)
def test_the_cause_is_below_what_it_led_to(output: str, cause: str) -> None:
    assert cause_of([line for line in output.splitlines() if line.strip()]) == cause


@pytest.mark.parametrize(
    ("output", "word"),
    [
        (INNER, "C compiler"),
        (MESON, "C compiler"),
        (BARE, "C compiler"),
        ("error: can't find Rust compiler", "Rust"),
        (CONFLICT, ""),
    ],
)
def test_what_to_do_about_it(output: str, word: str) -> None:
    assert word in advice_of(output)
    assert bool(word) == bool(advice_of(output))


def test_what_new_pythons_no_longer_have() -> None:
    assert wants_older_python("AttributeError: module 'configparser' has no SafeConfigParser")
    assert wants_older_python("ModuleNotFoundError: No module named 'imp'")
    assert not wants_older_python(INNER)
