"""The endpoints of Gitea, each with the permission and the fields that it asks for.

A field or parameter that the description does not name is refused, which Gitea itself passes over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.gitea_stand_in.world import BOT, LEVELS, GiteaWorld
from tests.support.github_stand_in.routes import Route, Routes
from tests.support.github_stand_in.routes import route as any_route
from tests.support.github_stand_in.world import Refused, Repo

ROUTES: Routes = []
PAGES = ("page", "limit")
REACTIONS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}
STATES = {"pending", "success", "error", "failure", "warning"}
REPO = "/repos/{owner}/{name}"


def route(method: str, path: str) -> Callable[[Route], Route]:
    return any_route(method, path, ROUTES)


@dataclass(frozen=True)
class Call:
    """One request after routing."""

    world: GiteaWorld
    authorization: str
    query: dict[str, str]
    body: dict[str, Any]
    parts: dict[str, str]

    def repo(self, level: str, *query: str) -> tuple[dict[str, Any], Repo]:
        """Who calls, and the repository, if they may do that there."""
        for name in self.query:
            if name not in query:
                raise Refused(422, f"{name} is not described")
        login = self.world.caller(self.authorization)
        name = f"{self.parts['owner']}/{self.parts['name']}"
        return self.world.user(login), self.world.repository(login, name, level)

    def fields(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
        for name, value in self.body.items():
            if name not in required + optional or not isinstance(value, str):
                raise Refused(422, f"{name} is not described")
        for name in required:
            if not self.body.get(name):
                raise Refused(422, f"[{name}]: Required")
        return self.body


def _found(items: dict[int, dict[str, Any]], number: str) -> dict[str, Any]:
    if not number.isdigit() or int(number) not in items:
        raise Refused(404, "The target couldn't be found.")
    return items[int(number)]


@route("GET", "/user")
def me(call: Call) -> tuple[int, Any]:
    return 200, call.world.user(call.world.caller(call.authorization))


@route("GET", REPO)
def repository(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read")
    return 200, {"full_name": repo.name, "default_branch": repo.default_branch}


@route("GET", REPO + "/collaborators/{login}/permission")
def permission(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read")
    if LEVELS[repo.permissions[BOT]] < LEVELS["admin"]:
        raise Refused(403, "Only admins can query all permissions")
    login = call.parts["login"]
    if login not in call.world.users:
        raise Refused(404, "user does not exist")
    level = repo.permissions.get(login, "none" if repo.private else "read")
    return 200, {"permission": level, "role_name": level, "user": call.world.user(login)}


@route("GET", REPO + "/branches/(?P<branch>.+)")
def branch(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read")
    tip = repo.tip(call.parts["branch"])
    if tip is None:
        raise Refused(404, "branch does not exist")
    return 200, {"name": call.parts["branch"], "commit": {"id": tip}}


@route("GET", REPO + "/issues/{number}/comments")
def comments(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read", "since", "before")  # all of them at once: there are no pages
    _found(repo.issues | repo.pulls, call.parts["number"])
    number = int(call.parts["number"])
    found = [one for one in repo.comments.values() if one["issue"] == number]
    return 200, {"unpaged": found}


@route("POST", REPO + "/issues/{number}/comments")
def comment(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("read")
    _found(repo.issues | repo.pulls, call.parts["number"])
    body = call.fields(("body",), ("updated_at",))["body"]
    number = int(call.parts["number"])
    made = {"id": next(call.world.ids), "issue": number, "body": body, "user": who, "edits": 0}
    repo.comments[made["id"]] = made
    return 201, made


@route("PATCH", REPO + "/issues/comments/{id}")
def edit_comment(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("read")
    found = _found(repo.comments, call.parts["id"])
    if found["user"] != who:
        raise Refused(403, "not the author")
    found["body"] = call.fields(("body",), ("updated_at",))["body"]
    found["edits"] += 1
    return 200, found


@route("POST", REPO + "/issues/comments/{id}/reactions")
def react(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("read")
    content = call.fields(("content",))["content"]
    if content not in REACTIONS:
        raise Refused(403, "is not an allowed reaction")
    key = ("issues", int(call.parts["id"]), content)
    is_known = key in repo.reactions
    repo.reactions.add(key)
    return 200 if is_known else 201, {"user": who, "content": content}


# -- pull requests ------------------------------------------------------------------------


@route("GET", REPO + "/pulls")
def pulls(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read", "state", "sort", "milestone", "labels", "poster", *PAGES)
    state = call.query.get("state", "open")
    found = [one for one in repo.pulls.values() if state in ("all", one["state"])]
    return 200, found[::-1]


@route("GET", REPO + "/pulls/(?P<number>\\d+)\\.diff")
def diff(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read", "binary")
    found = _found(repo.pulls, call.parts["number"])
    return 200, {"text": repo.git("diff", f"{found['base']['ref']}...{found['head']['sha']}")}


@route("GET", REPO + "/pulls/(?P<number>\\d+)")
def pull(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("read")
    found = _found(repo.pulls, call.parts["number"])
    call.world.refresh_pull(repo, found["number"])
    return 200, found


@route("POST", REPO + "/pulls")
def open_pull(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("read")
    body = call.fields(("title", "head", "base"), ("body",))
    for name in ("head", "base"):
        if repo.tip(body[name]) is None:
            raise Refused(404, f"{name} branch does not exist")
    for one in repo.pulls.values():
        ends = (one["head"]["ref"], one["base"]["ref"], one["state"])
        if ends == (body["head"], body["base"], "open"):
            raise Refused(409, "pull request already exists for these targets")
    made = call.world.add_pull(repo, head=body["head"], base=body["base"], author=who["login"])
    return 201, _described(made, body)


@route("PATCH", REPO + "/pulls/(?P<number>\\d+)")
def edit_pull(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("write")
    body = call.fields((), ("title", "body", "state", "base"))
    return 201, _described(_found(repo.pulls, call.parts["number"]), body)


def _described(pull: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    pull |= {"title": body["title"], "body": body["body"]}
    pull["draft"] = body["title"].startswith(("WIP:", "[WIP]"))
    return pull


# -- statuses of commits ------------------------------------------------------------------


@route("GET", REPO + "/statuses/{sha}")
def statuses(call: Call) -> tuple[int, Any]:
    call.repo("read", "sort", "state", *PAGES)
    return 200, [one for one in call.world.statuses if one["sha"] == call.parts["sha"]]


@route("POST", REPO + "/statuses/{sha}")
def set_status(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("write")
    body = call.fields(("state",), ("context", "description", "target_url"))
    if body["state"] not in STATES or not repo.has(call.parts["sha"]):
        raise Refused(422, "state or commit is not valid")
    made = {"id": next(call.world.ids), "sha": call.parts["sha"], "creator": who, **body}
    made["status"] = made.pop("state")
    call.world.statuses.append(made)
    return 201, made
