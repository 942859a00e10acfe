"""What reading a payload needs on every forge: checked parts, and text that can be stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from workers.forges.errors import DeliveryRefused
from workers.forges.policy import PolicyBook
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger

MAX_STATEMENT_CHARACTERS = 20_000
"""Characters of an issue that are kept; what is wrong stands at its beginning."""

CommitId = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
Number = Annotated[int, Field(ge=1, le=2**53)]


class PayloadModel(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


def allowed(
    read: Callable[[], Trigger | IgnoredDelivery], policies: PolicyBook
) -> Trigger | IgnoredDelivery:
    """What `read` finds in a payload, if the policy lets it start something.

    Raises DeliveryRefused(422) for a payload with parts missing.
    """
    try:
        meaning = read()
    except ValidationError as error:
        field_path = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise DeliveryRefused(
            422, f"the payload is not as documented at {field_path[:100]}"
        ) from error
    if isinstance(meaning, Trigger) and not policies.of(meaning.repository).allows(meaning.cause):
        return IgnoredDelivery(f"the trigger `{meaning.cause.value}` is off for this repository")
    return meaning


def statement(title: str, body: str | None) -> str:
    """Title and text of an issue as one text."""
    return clean(f"{title}\n\n{body or ''}".strip())


def clean(text: str) -> str:
    """Text that every database takes: no NUL, no lone surrogate, of bounded length."""
    text = text[:MAX_STATEMENT_CHARACTERS].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode("utf-8")
