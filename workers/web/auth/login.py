"""`/login`: a token for a cookie that lets a browser look at the pages and send their forms."""

from __future__ import annotations

import re
import time
from typing import Annotated
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from workers.web.auth import session
from workers.web.auth.scopes import Scope, effective
from workers.web.pages.templates import render
from workers.web.service import Serving

MAX_FORM_FIELDS = 4
_PAGE = re.compile(r"/(jobs/[A-Za-z0-9_-]{1,100}|submit|workers)?(\?[A-Za-z0-9_=&%.+~-]{1,300})?")
"""The pages of this service, which are all that a login leads to."""
router = APIRouter(include_in_schema=False)


def first(request: Request) -> Response:
    """Have somebody log in who wants to see this page."""
    page = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    page = _page_or_list(page)
    query = "" if page == "/" else f"?next={quote(page, safe='')}"
    return RedirectResponse(f"/login{query}", 303)


@router.get("/login")
def form(next_page: Annotated[str, Query(alias="next", max_length=400)] = "/") -> Response:
    """Ask for a token."""
    return render("login.html", wrong=False, next=_page_or_list(next_page))


@router.post("/login")
async def login(request: Request, service: Serving) -> Response:
    """Nothing counts attempts: there are 2**256 tokens to try."""
    filled_in = (await request.body()).decode("utf-8", "replace")
    secret, page = _field(filled_in, "token"), _page_or_list(_field(filled_in, "next"))
    token = await run_in_threadpool(service.tokens.find, secret)
    if token is None or Scope.READ not in effective(token.scopes):
        return render("login.html", status=401, wrong=True, next=page)
    answer = RedirectResponse(page, 303)
    answer.set_cookie(
        session.COOKIE_NAME,
        session.issue(token, time.time()),
        max_age=session.COOKIE_LIFETIME_SECONDS,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return answer


@router.post("/logout")
def logout() -> Response:
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(session.COOKIE_NAME)
    return answer


def _page_or_list(next_page: str) -> str:
    """A page of this service, never an address of another site: `//evil.example`,
    `/\\evil.example`, …"""
    return next_page if _PAGE.fullmatch(next_page) else "/"


def _field(form: str, name: str) -> str:
    try:
        fields = parse_qs(form, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:  # more fields than the form has
        return ""
    return fields.get(name, [""])[0].strip()
