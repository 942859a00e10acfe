"""What is said to the model: one template a file, filled by `string.Template`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template


def prompt(name: str, **values: object) -> str:
    """The template `name`.md with its `$words` filled. Raises KeyError for one that is missing."""
    return _template(name).substitute({key: str(value) for key, value in values.items()}).strip()


@cache
def _template(name: str) -> Template:
    return Template(files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8"))
