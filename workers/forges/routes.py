"""`POST /FORGE/webhook`: verify, record, answer. Everything else happens later."""

from __future__ import annotations

import logging

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from workers.errors import StoreUnavailable
from workers.forges.errors import DeliveryRefused
from workers.forges.forge import Forge
from workers.forges.intake.group_commit import GroupCommit
from workers.forges.webhook.delivery import MAX_BODY_BYTES
from workers.forges.webhook.trigger import IgnoredDelivery

log = logging.getLogger(__name__)


def forge_router(forge: Forge) -> APIRouter:
    """The routes of a forge's webhook, for the service's web app."""
    router = APIRouter(tags=[forge.name])
    recorder = GroupCommit(forge.inbox)

    @router.post(f"/{forge.name}/webhook", status_code=202)
    async def webhook(request: Request) -> JSONResponse:
        """Take a delivery. 202: it will be worked on; 200: nothing is to be done."""
        try:
            body = await _body(request)
            headers = {name.lower(): value for name, value in request.headers.items()}
            delivery = forge.read_delivery(headers, body)
            meaning = forge.trigger_of(delivery)
        except DeliveryRefused as error:
            return JSONResponse({"detail": str(error)}, error.status_code)
        try:
            is_new = await recorder.record(delivery, meaning)
        except StoreUnavailable as error:
            log.warning("delivery %s was not recorded: %s", delivery.delivery_id, error)
            return JSONResponse({"detail": "the database cannot be used now"}, 503)
        if isinstance(meaning, IgnoredDelivery):
            return JSONResponse({"status": "ignored", "reason": meaning.reason}, 200)
        status = "accepted" if is_new else "known"
        return JSONResponse({"status": status, "delivery": delivery.delivery_id}, 202)

    return router


async def _body(request: Request) -> bytes:
    """The raw body, no more of it than a payload can have. Raises DeliveryRefused(413)."""
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > MAX_BODY_BYTES:
            raise DeliveryRefused(413, "the body is larger than 25 MiB")
    return bytes(pieces)
