"""`/login`: a token for a cookie that lets a browser look at the pages."""

from __future__ import annotations

import time
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from workers.web import session
from workers.web.scopes import Scope, effective
from workers.web.service import Serving
from workers.web.templates import render

MOST_FIELDS = 4
router = APIRouter(include_in_schema=False)


@router.get("/login")
def form() -> Response:
    """Ask for a token."""
    return render("login.html", wrong=False)


@router.post("/login")
async def login(request: Request, service: Serving) -> Response:
    """Nothing counts attempts: there are 2**256 tokens to try."""
    secret = _field((await request.body()).decode("utf-8", "replace"), "token")
    token = await run_in_threadpool(service.tokens.find, secret)
    if token is None or Scope.READ not in effective(token.scopes):
        return render("login.html", status=401, wrong=True)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        session.COOKIE,
        session.issue(token, time.time()),
        max_age=session.LIFETIME_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/logout")
def logout() -> Response:
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(session.COOKIE)
    return answer


def _field(form: str, name: str) -> str:
    try:
        fields = parse_qs(form, max_num_fields=MOST_FIELDS)
    except ValueError:  # more fields than the form has
        return ""
    return fields.get(name, [""])[0].strip()
