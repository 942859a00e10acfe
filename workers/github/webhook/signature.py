"""Who sent this body? Nothing of it is read before that is answered."""

from __future__ import annotations

import re

from gidgethub import ValidationFailure
from gidgethub.sansio import validate_event
from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused

# gidgethub would take `sha1=` too, and hmac.compare_digest raises for text that is not ASCII.
_SHA256 = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)


def verify_signature(body: bytes, signature: str | None, secret: SecretStr) -> None:
    """Compare `X-Hub-Signature-256` with the HMAC of the raw body, in constant time.

    Raises DeliveryRefused(401).
    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    if signature is None:
        raise DeliveryRefused(401, "the signature is missing")
    if not _SHA256.fullmatch(signature):
        raise DeliveryRefused(401, "the signature is not of the form sha256=<64 hex digits>")
    try:
        validate_event(body, signature=signature, secret=secret.get_secret_value())
    except ValidationFailure as error:
        raise DeliveryRefused(401, "the signature is wrong") from error
