"""The door: signature, size, form. Lines 38, 40 and 47 of the abuse list."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from workers.forges.errors import DeliveryRefused
from workers.github.webhook import request as module
from workers.github.webhook.request import delivery_of
from workers.github.webhook.signature import verify_signature

SECRET = SecretStr("It's a Secret to Everybody")
KNOWN = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def headers(body: bytes, **more: str) -> dict[str, str]:
    digest = hmac.new(SECRET.get_secret_value().encode(), body, hashlib.sha256).hexdigest()
    return {
        "content-type": "application/json",
        "x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "x-github-event": "issues",
        "x-hub-signature-256": f"sha256={digest}",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }


def test_the_known_vector_verifies() -> None:
    verify_signature(b"Hello, World!", f"sha256={KNOWN}", SECRET)


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        f"sha256={KNOWN[:-1]}0",
        f"sha256={KNOWN.upper()}",
        f"sha256={KNOWN}\n",
        KNOWN,
        "sha1=" + hmac.new(b"It's a Secret to Everybody", b"Hello, World!", "sha1").hexdigest(),
        "sha256=é" + KNOWN[1:],
    ],
)
def test_any_other_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        verify_signature(b"Hello, World!", signature, SECRET)
    assert refused.value.status_code == 401


def test_an_unsigned_body_is_never_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object) -> object:
        raise AssertionError("parsed")

    monkeypatch.setattr(module, "decoded", parse)
    bare = {k: v for k, v in headers(b"{}").items() if k != "x-hub-signature-256"}
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(bare, b"{}", SECRET)
    assert refused.value.status_code == 401


def test_a_signed_delivery_is_read() -> None:
    body = json.dumps({"action": "labeled"}).encode()
    delivery = delivery_of(headers(body), body, SECRET)
    assert (delivery.event, delivery.action) == ("issues", "labeled")
    assert delivery.digest == hashlib.sha256(body).hexdigest()


@pytest.mark.parametrize(
    ("body", "more", "status"),
    [
        (b"[" * 200_000, {}, 422),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, {}, 422),
        (b"[]", {}, 422),
        (b"null", {}, 422),
        (b"\xff\xfe", {}, 422),
        (b'{"n": ' + b"9" * 10_000 + b"}", {}, 422),
        (b"", {}, 422),
        (b"{}", {"content_type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"x_github_delivery": "a b"}, 422),
        (b"{}", {"x_github_event": "../issues"}, 422),
        (b" " * (25 * 1024 * 1024 + 1), {}, 413),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_delivery_is_refused_by_number(
    body: bytes, more: dict[str, str], status: int
) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(headers(body, **more), body, SECRET)
    assert refused.value.status_code == status


@given(st.binary(max_size=300))
def test_a_body_of_noise_gets_no_further_than_a_refusal(body: bytes) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(headers(body), b"\x00" + body, SECRET)
    assert refused.value.status_code == 401
    with pytest.raises(DeliveryRefused) as refused:
        delivery_of(headers(b"\x00" + body), b"\x00" + body, SECRET)
    assert refused.value.status_code == 422
