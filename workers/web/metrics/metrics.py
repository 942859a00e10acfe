"""`/metrics` for Prometheus: the queue as it is now, and counters of what ended."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from workers.web.api.problems import DESCRIBED
from workers.web.auth.access import Reader
from workers.web.service import Serving

router = APIRouter(tags=["health"], responses=DESCRIBED)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(_caller: Reader, service: Serving) -> Response:
    """Numbers about the whole service; any token with `read` may have them."""
    service.counters.refresh()
    text = generate_latest(service.counters.registry)
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
