"""The endpoints of GitLab, each with the role and the fields that it asks for.

https://docs.gitlab.com/api/ : projects, members, branches, commits, merge requests, notes, emoji
reactions. A field or parameter that is not described there is refused, which GitLab itself passes
over.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.github_stand_in.routes import Route, Routes
from tests.support.github_stand_in.routes import route as any_route
from tests.support.github_stand_in.world import Refused, Repo
from tests.support.gitlab_stand_in.world import LEVELS, GitLabWorld

ROUTES: Routes = []
PAGES = ("page", "per_page")
FINAL = ("success", "failed", "canceled", "skipped")
EMOJIS = {"thumbsup", "thumbsdown", "confused", "eyes", "rocket"}
THREAD = "/projects/{id}/(?P<kind>issues|merge_requests)/{iid}/notes"


def route(method: str, path: str) -> Callable[[Route], Route]:
    return any_route(method, path, ROUTES)


@dataclass(frozen=True)
class Call:
    """One request after routing."""

    world: GitLabWorld
    authorization: str
    query: dict[str, str]
    body: dict[str, Any]
    parts: dict[str, str]

    def project(self, role: str, *, query: tuple[str, ...] = ()) -> tuple[dict[str, Any], Repo]:
        """Who calls, and the project, if they have the role there."""
        for name in self.query:
            if name not in (*query, *PAGES):
                raise Refused(400, f"{name} is not described")
        login = self.world.caller(self.authorization)
        return self.world.user(login), self.world.project(login, self.parts["id"], role)

    def fields(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, str]:
        for name in self.body:
            if name not in required + optional:
                raise Refused(400, f"{name} is not described")
        for name in required:
            if not self.body.get(name):
                raise Refused(400, f"{name} is missing")
        for name, value in self.body.items():
            if not isinstance(value, str):
                raise Refused(400, f"{name} is invalid")
        return self.body


def _found(items: dict[int, dict[str, Any]], number: str) -> dict[str, Any]:
    if not number.isdigit() or int(number) not in items:
        raise Refused(404, "404 Not found")
    return items[int(number)]


@route("GET", "/user")
def me(call: Call) -> tuple[int, Any]:
    return 200, call.world.user(call.world.caller(call.authorization))


@route("GET", "/projects/{id}")
def project(call: Call) -> tuple[int, Any]:
    _, repo = call.project("guest")
    return 200, {"path_with_namespace": repo.name, "default_branch": repo.default_branch}


@route("GET", "/projects/{id}/members/all/{user}")
def member(call: Call) -> tuple[int, Any]:
    _, repo = call.project("guest")
    for login, role in repo.permissions.items():
        if str(call.world.users[login]) == call.parts["user"]:
            return 200, {
                **call.world.user(login),
                "state": call.world.states.get(login, "active"),
                "access_level": LEVELS[role],
                "expires_at": call.world.ends.get(login),
            }
    raise Refused(404, "404 Not found")


@route("GET", "/projects/{id}/repository/branches/{branch}")
def branch(call: Call) -> tuple[int, Any]:
    _, repo = call.project("reporter")
    tip = repo.tip(call.parts["branch"])
    if tip is None:
        raise Refused(404, "404 Branch Not Found")
    return 200, {"name": call.parts["branch"], "commit": {"id": tip}}


# -- notes --------------------------------------------------------------------------------


def _thread(call: Call, repo: Repo) -> tuple[str, int]:
    kind = call.parts["kind"]
    _found(repo.issues if kind == "issues" else repo.pulls, call.parts["iid"])
    return kind, int(call.parts["iid"])


def _note(call: Call, repo: Repo) -> dict[str, Any]:
    note = _found(repo.comments, call.parts["note"])
    if note["thread"] != _thread(call, repo):
        raise Refused(404, "404 Not found")
    return note


def _text(call: Call, field: str, *, limit: int = 1_000_000) -> str:
    text = call.body[field]
    if len(text) > limit:
        raise Refused(400, f"{field} is too long (maximum is {limit} characters)")
    return str(text)


@route("GET", THREAD)
def notes(call: Call) -> tuple[int, Any]:
    _, repo = call.project("guest", query=("sort", "order_by"))
    thread = _thread(call, repo)
    found = [one for one in repo.comments.values() if one["thread"] == thread]
    return 200, found[::-1]


@route("POST", THREAD)
def comment(call: Call) -> tuple[int, Any]:
    who, repo = call.project("guest")
    call.fields(("body",), ("internal", "created_at"))
    body = _text(call, "body")
    call.world.obey(body)
    note = {
        "id": next(call.world.ids),
        "thread": _thread(call, repo),
        "body": body,
        "author": who,
        "system": False,
        "awards": [],
        "edits": 0,
    }
    repo.comments[note["id"]] = note
    return 201, note


@route("PUT", THREAD + "/{note}")
def edit_comment(call: Call) -> tuple[int, Any]:
    who, repo = call.project("guest")
    note = _note(call, repo)
    if note["author"] != who:
        raise Refused(403, "403 Forbidden")
    call.fields(("body",))
    note["body"] = _text(call, "body")
    call.world.obey(note["body"])
    note["edits"] += 1
    return 200, note


@route("GET", THREAD + "/{note}/award_emoji")
def awards(call: Call) -> tuple[int, Any]:
    _, repo = call.project("guest")
    return 200, _note(call, repo)["awards"]


@route("POST", THREAD + "/{note}/award_emoji")
def award(call: Call) -> tuple[int, Any]:
    who, repo = call.project("guest")
    name = call.fields(("name",))["name"]
    note = _note(call, repo)
    if name not in EMOJIS:
        raise Refused(400, "name is not an emoji")
    if any(one["name"] == name and one["user"] == who for one in note["awards"]):
        raise Refused(404, "404 Award Emoji Name has already been taken Not Found")
    note["awards"].append({"id": next(call.world.ids), "name": name, "user": who})
    return 201, note["awards"][-1]


# -- merge requests -----------------------------------------------------------------------


@route("GET", "/projects/{id}/merge_requests")
def merge_requests(call: Call) -> tuple[int, Any]:
    _, repo = call.project("reporter", query=("state", "source_branch", "target_branch"))
    state = call.query.get("state", "all")
    found = [one for one in repo.pulls.values() if state in ("all", one["state"])]
    for name in ("source_branch", "target_branch"):
        if name in call.query:
            found = [one for one in found if one[name] == call.query[name]]
    return 200, found[::-1]


@route("GET", "/projects/{id}/merge_requests/{iid}")
def merge_request(call: Call) -> tuple[int, Any]:
    _, repo = call.project("reporter")
    found = _found(repo.pulls, call.parts["iid"])
    call.world.refresh_pull(repo, found["iid"])
    return 200, found


def _described(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    title = _text(call, "title", limit=255)
    request |= {"title": title, "draft": title.startswith("Draft:")}
    request["description"] = _text(call, "description")
    call.world.obey(request["description"])
    return request


@route("POST", "/projects/{id}/merge_requests")
def open_merge_request(call: Call) -> tuple[int, Any]:
    who, repo = call.project("developer")
    call.fields(("source_branch", "target_branch", "title"), ("description",))
    source, target = call.body["source_branch"], call.body["target_branch"]
    for name, value in (("source_branch", source), ("target_branch", target)):
        if repo.tip(value) is None:
            raise Refused(400, f"{name} does not exist")
    for one in repo.pulls.values():
        if (one["source_branch"], one["state"]) == (source, "opened"):
            raise Refused(409, "Another open merge request already exists for this source branch")
    request = call.world.add_pull(repo, head=source, base=target, author=who["username"])
    return 201, _described(call, request)


@route("PUT", "/projects/{id}/merge_requests/{iid}")
def edit_merge_request(call: Call) -> tuple[int, Any]:
    _, repo = call.project("developer")
    call.fields((), ("title", "description"))
    return 200, _described(call, _found(repo.pulls, call.parts["iid"]))


@route("GET", "/projects/{id}/merge_requests/{iid}/diffs")
def diffs(call: Call) -> tuple[int, Any]:
    _, repo = call.project("reporter")
    request = _found(repo.pulls, call.parts["iid"])
    text = repo.git("diff", "--no-color", f"{request['target_branch']}...{request['sha']}")
    files = []
    for part in re.split(r"^diff --git ", text, flags=re.MULTILINE)[1:]:
        name = re.search(r"^\+\+\+ b/(.*)$", part, re.MULTILINE)
        if name:
            diff = part[part.index("@@") :]
            files.append({"new_path": name[1], "old_path": name[1], "diff": diff})
    return 200, files


# -- statuses of commits ------------------------------------------------------------------


@route("GET", "/projects/{id}/repository/commits/{sha}/statuses")
def statuses(call: Call) -> tuple[int, Any]:
    _, repo = call.project("reporter", query=("name", "ref", "stage", "all"))
    found = [one for one in call.world.statuses if one["sha"] == call.parts["sha"]]
    if "name" in call.query:
        found = [one for one in found if one["name"] == call.query["name"]]
    return 200, found if repo.has(call.parts["sha"]) else []


@route("POST", "/projects/{id}/statuses/{sha}")
def set_status(call: Call) -> tuple[int, Any]:
    who, repo = call.project("developer")
    optional = ("name", "context", "description", "ref", "target_url", "coverage", "pipeline_id")
    state = call.fields(("state",), optional)["state"]
    sha, name = call.parts["sha"], call.body.get("name", "default")
    if state not in ("pending", "running", *FINAL):
        raise Refused(400, "state does not have a valid value")
    if not repo.has(sha) or not repo.git("branch", "--contains", sha):
        raise Refused(404, "404 References for commit Not Found")
    for one in call.world.statuses:
        if (one["sha"], one["name"]) == (sha, name) and one["status"] not in FINAL:
            if state in ("pending", one["status"]):
                raise Refused(400, f"Cannot transition status via :enqueue from :{one['status']}")
            one |= {**call.body, "status": state}
            return 201, one
    status = {"id": next(call.world.ids), "sha": sha, "author": who, **call.body}
    call.world.statuses.append({**status, "status": state, "name": name})
    return 201, call.world.statuses[-1]
