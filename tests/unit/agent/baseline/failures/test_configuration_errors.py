"""Settings that are missing, on texts as Python, Django and other libraries write them."""

from __future__ import annotations

import pytest

from agent.baseline.failures.configuration_errors import (
    configuration_error,
    shared_configuration_error,
)
from sandbox.runners.base import Outcome, TestResult

ENVIRON = """settings.py:3: in <module>
    URL = os.environ["DATABASE_URL"]
<frozen os>:714: in __getitem__
    ???
E   KeyError: 'DATABASE_URL'"""
LONG = """Traceback (most recent call last):
  File "/workspace/settings.py", line 3, in <module>
  File "/usr/lib/python3.9/os.py", line 679, in __getitem__
    raise KeyError(key) from None
KeyError: 'DATABASE_URL'"""
DJANGO = "django.core.exceptions.ImproperlyConfigured"
PYDANTIC = """lib/python3.12/site-packages/pydantic_settings/main.py:188: in __init__
E   pydantic_core._pydantic_core.ValidationError: 2 validation errors for Settings
E   secret_key
E     Field required [type=missing, input_value={}, input_type=dict]
E       For further information visit https://errors.pydantic.dev/2.11/v/missing
E   url
E     Field required [type=missing, input_value={}, input_type=dict]"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ENVIRON, "`DATABASE_URL`; give it with --env DATABASE_URL=VALUE"),
        (LONG, "`DATABASE_URL`"),
        (PYDANTIC, "--env SECRET_KEY=VALUE --env URL=VALUE"),
        (f"E   {DJANGO}: The SECRET_KEY setting must not be empty.", "Django's setting SECRET_KEY"),
        (
            f"{DJANGO}: Requested setting INSTALLED_APPS, but settings are not configured. You "
            "must either define the environment variable DJANGO_SETTINGS_MODULE or call",
            "DJANGO_SETTINGS_MODULE",
        ),
        ("environ.ImproperlyConfigured: Set the API_KEY environment variable", "`API_KEY`"),
        ("decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or", "`API_KEY`"),
        ('environs.exceptions.EnvError: Environment variable "API_KEY" not set', "`API_KEY`"),
        ("RuntimeError: API_KEY must be set", "`API_KEY`"),
        ("ValueError: please set the environment variable API_KEY", "`API_KEY`"),
    ],
)
def test_the_setting_is_named(text: str, words: str) -> None:
    error = configuration_error(text)
    assert error is not None
    assert words in error.sentence


@pytest.mark.parametrize(
    "text",
    [
        "prices.py:3: in price\n    return PRICES[name]\nE   KeyError: 'APPLE'",
        "E   pydantic_core._pydantic_core.ValidationError: 1 validation error for Order\n"
        "E   total\nE     Field required [type=missing, input_value={}, input_type=dict]",
        "AssertionError: assert 'SET' == 'set'",
    ],
)
def test_other_failures_are_not_settings(text: str) -> None:
    assert configuration_error(text) is None


def failed(*names: str, text: str = ENVIRON) -> dict[str, TestResult]:
    return {
        name: TestResult(test_id=name, outcome=Outcome.ERROR, message=text[-80:], details=text)
        for name in names
    }


def test_one_setting_that_ends_most_tests_is_the_environments() -> None:
    assert set(shared_configuration_error(failed("a", "b"), 0, 1)) == {"a", "b"}
    assert set(shared_configuration_error(failed("test_a.py"), 1, 0)) == {"test_a.py"}
    other = failed("c", text="AssertionError: 1 == 2")
    assert set(shared_configuration_error({**failed("a", "b"), **other}, 0, 0)) == {"a", "b"}


def test_a_test_that_looks_for_a_variable_among_others_that_pass_is_a_failure() -> None:
    assert shared_configuration_error(failed("a"), 0, 0) == {}
    assert shared_configuration_error(failed("a", "b"), 0, 2) == {}
