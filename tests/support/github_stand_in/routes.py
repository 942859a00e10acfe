"""The endpoints, each with the permission GitHub asks for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.github_stand_in.world import Refused, Repo, World

MAX_TEXT = 65_536
REACTIONS = {"+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes"}


@dataclass(frozen=True)
class Call:
    """One request after routing."""

    world: World
    authorization: str
    query: dict[str, str]
    body: dict[str, Any]
    parts: dict[str, str]

    def repo(self, permission: str, level: str) -> tuple[dict[str, Any], Repo]:
        value = self.authorization.partition(" ")[2]
        name = f"{self.parts['owner']}/{self.parts['name']}"
        login, repo = self.world.need(value, name, permission, level)
        return self.world.user(login), repo

    def text(self, field: str, *, required: bool = True) -> str:
        value = self.body.get(field)
        if value is None and not required:
            return ""
        if not isinstance(value, str) or (required and not value):
            raise Refused(
                422, "Invalid request", errors=[{"code": "missing_field", "field": field}]
            )
        if len(value) > MAX_TEXT:
            raise Refused(422, f"{field} is too long (maximum is 65536 characters)")
        return value


Route = Callable[[Any], tuple[int, Any]]
Routes = list[tuple[str, re.Pattern[str], Route]]
ROUTES: Routes = []


def route(method: str, path: str, routes: Routes = ROUTES) -> Callable[[Route], Route]:
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path).replace("{+", "(?P<") + "$")

    def register(function: Route) -> Route:
        routes.append((method, pattern, function))
        return function

    return register


def _found(items: dict[int, dict[str, Any]], number: str) -> dict[str, Any]:
    if not number.isdigit() or int(number) not in items:
        raise Refused(404, "Not Found")
    return items[int(number)]


# -- the App ------------------------------------------------------------------------------


@route("GET", "/app")
def app(call: Call) -> tuple[int, Any]:
    call.world.need_app(call.authorization)
    return 200, {"id": call.world.app_id, "slug": call.world.slug}


@route("GET", "/user")
def me(call: Call) -> tuple[int, Any]:
    login, _ = call.world.token_of(call.authorization.partition(" ")[2])
    return 200, call.world.user(login)


@route("GET", "/users/{login}")
def user(call: Call) -> tuple[int, Any]:
    login = call.parts["login"]
    if login not in call.world.users:
        raise Refused(404, "Not Found")
    return 200, call.world.user(login)


@route("GET", "/repos/{owner}/{name}/installation")
def installation(call: Call) -> tuple[int, Any]:
    call.world.need_app(call.authorization)
    if f"{call.parts['owner']}/{call.parts['name']}".lower() not in call.world.installed:
        raise Refused(404, "Not Found")
    return 200, {"id": 55, "app_id": call.world.app_id}


@route("POST", "/app/installations/{id}/access_tokens")
def access_token(call: Call) -> tuple[int, Any]:
    call.world.need_app(call.authorization)
    return 201, call.world.mint(call.body["repositories"], call.body["permissions"])


@route("POST", "/app-manifests/{code}/conversions")
def convert(call: Call) -> tuple[int, Any]:
    made = call.world.conversions.pop(call.parts["code"], None)  # a code is good once
    if made is None:
        raise Refused(404, "Not Found")
    return 201, made


@route("GET", "/app/hook/deliveries")
def hook_deliveries(call: Call) -> tuple[int, Any]:
    call.world.need_app(call.authorization)
    return 200, list(call.world.hook_deliveries)


@route("POST", "/app/hook/deliveries/{id}/attempts")
def redeliver(call: Call) -> tuple[int, Any]:
    call.world.need_app(call.authorization)
    for one in call.world.hook_deliveries:
        if str(one["id"]) == call.parts["id"]:
            one["redelivered"] = True
            return 202, {}
    raise Refused(404, "Not Found")


# -- the repository -----------------------------------------------------------------------


@route("GET", "/repos/{owner}/{name}")
def repository(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("metadata", "read")
    return 200, {"full_name": repo.name, "default_branch": repo.default_branch}


@route("GET", "/repos/{owner}/{name}/collaborators/{login}/permission")
def permission(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("metadata", "read")
    login = call.parts["login"]
    if login not in call.world.users:
        raise Refused(404, "Not Found")
    role = repo.permissions.get(login, "none" if repo.private else "read")
    legacy = {"maintain": "write", "triage": "read"}.get(role, role)
    return 200, {"permission": legacy, "role_name": role, "user": call.world.user(login)}


@route("GET", "/repos/{owner}/{name}/git/ref/heads/(?P<branch>.+)")
def ref(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("contents", "read")
    tip = repo.tip(call.parts["branch"])
    if tip is None:
        raise Refused(404, "Not Found")
    return 200, {"ref": f"refs/heads/{call.parts['branch']}", "object": {"sha": tip}}


# -- issues -------------------------------------------------------------------------------


@route("GET", "/repos/{owner}/{name}/issues/{number}/comments")
def comments(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("issues|pull_requests", "read")
    _found(repo.issues | repo.pulls, call.parts["number"])
    number = int(call.parts["number"])
    return 200, [one for one in repo.comments.values() if one["issue"] == number]


@route("POST", "/repos/{owner}/{name}/issues/{number}/comments")
def comment(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("issues|pull_requests", "write")
    _found(repo.issues | repo.pulls, call.parts["number"])
    made = {
        "id": next(call.world.ids),
        "issue": int(call.parts["number"]),
        "body": call.text("body"),
        "user": who,
        "edits": 0,
    }
    repo.comments[made["id"]] = made
    return 201, made


@route("PATCH", "/repos/{owner}/{name}/issues/comments/{id}")
def edit_comment(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("issues|pull_requests", "write")
    found = _found(repo.comments, call.parts["id"])
    if found["user"] != who:
        raise Refused(403, "Must have admin rights to Repository.")
    found["body"] = call.text("body")
    found["edits"] += 1
    return 200, found


@route("POST", "/repos/{owner}/{name}/(?P<kind>issues|pulls)/comments/{id}/reactions")
def react(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("issues|pull_requests", "write")
    if call.body.get("content") not in REACTIONS:
        raise Refused(422, "Validation Failed")
    key = (call.parts["kind"], int(call.parts["id"]), call.body["content"])
    known = key in repo.reactions
    repo.reactions.add(key)
    return 200 if known else 201, {"id": 1, "content": call.body["content"]}


# -- pull requests ------------------------------------------------------------------------


@route("GET", "/repos/{owner}/{name}/pulls")
def pulls(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("pull_requests", "read")
    state = call.query.get("state", "open")
    found = [one for one in repo.pulls.values() if state in ("all", one["state"])]
    if base := call.query.get("base"):
        found = [one for one in found if one["base"]["ref"] == base]
    if head := call.query.get("head"):
        owner, _, branch = head.partition(":")
        found = [
            one
            for one in found
            if one["head"]["ref"] == branch
            and one["head"]["repo"]["full_name"].partition("/")[0].lower() == owner.lower()
        ]
    return 200, found


@route("GET", "/repos/{owner}/{name}/pulls/{number}")
def pull(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("pull_requests", "read")
    found = _found(repo.pulls, call.parts["number"])
    call.world.refresh_pull(repo, found["number"])
    return 200, found


@route("POST", "/repos/{owner}/{name}/pulls")
def open_pull(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("pull_requests", "write")
    title, head, base = call.text("title"), call.text("head"), call.text("base")
    body = call.text("body", required=False)
    if len(title) > 256:
        raise Refused(422, "title is too long (maximum is 256 characters)")
    if call.body.get("draft") and not call.world.drafts:
        raise Refused(422, "Draft pull requests are not supported in this repository.")
    for field, branch in (("head", head), ("base", base)):
        if repo.tip(branch) is None:
            raise Refused(422, "Validation Failed", errors=[{"field": field, "code": "invalid"}])
    if any(p["head"]["ref"] == head and p["state"] == "open" for p in repo.pulls.values()):
        error = {"message": f"A pull request already exists for {head}."}
        raise Refused(422, "Validation Failed", errors=[error])
    if not repo.git("rev-list", f"{base}..{head}"):
        raise Refused(422, "Validation Failed", errors=[{"message": "No commits between"}])
    made = call.world.add_pull(repo, head=head, base=base, author=who["login"])
    made |= {"title": title, "body": body, "draft": bool(call.body.get("draft"))}
    return 201, made


@route("PATCH", "/repos/{owner}/{name}/pulls/{number}")
def edit_pull(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("pull_requests", "write")
    found = _found(repo.pulls, call.parts["number"])
    found |= {"title": call.text("title"), "body": call.text("body")}
    return 200, found


def _patches(repo: Repo, found: dict[str, Any]) -> dict[str, str]:
    diff = repo.git("diff", "--no-color", f"{found['base']['sha']}...{found['head']['sha']}")
    files = {}
    for part in re.split(r"^diff --git ", diff, flags=re.M)[1:]:
        name = re.search(r"^\+\+\+ b/(.*)$", part, re.M)
        if name:
            files[name[1]] = part[part.index("@@") :]
    return files


@route("GET", "/repos/{owner}/{name}/pulls/{number}/files")
def files(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("pull_requests", "read")
    found = _found(repo.pulls, call.parts["number"])
    return 200, [{"filename": n, "patch": p} for n, p in _patches(repo, found).items()]


@route("GET", "/repos/{owner}/{name}/pulls/{number}/reviews")
def reviews(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("pull_requests", "read")
    number = int(call.parts["number"])
    return 200, [one for one in repo.reviews.values() if one["pull"] == number]


@route("POST", "/repos/{owner}/{name}/pulls/{number}/reviews")
def review(call: Call) -> tuple[int, Any]:
    who, repo = call.repo("pull_requests", "write")
    found = _found(repo.pulls, call.parts["number"])
    if call.body.get("event") not in ("COMMENT", "APPROVE", "REQUEST_CHANGES"):
        raise Refused(422, "Validation Failed")
    if not repo.has(str(call.body.get("commit_id"))):
        raise Refused(422, "Validation Failed", errors=["commit_id is not part of the pull"])
    patches = _patches(repo, found)
    for one in call.body.get("comments", []):
        for line in (one.get("start_line", one["line"]), one["line"]):
            if one.get("side") != "RIGHT" or not _shown(patches.get(one["path"], ""), line):
                raise Refused(422, "Validation Failed", errors=["line must be part of the diff"])
        if "start_line" in one and one["start_line"] >= one["line"]:
            raise Refused(422, "Validation Failed", errors=["start_line must precede the end"])
    made = {
        "id": next(call.world.ids),
        "pull": found["number"],
        "body": call.text("body"),
        "user": who,
        "comments": call.body.get("comments", []),
    }
    repo.reviews[made["id"]] = made
    return 200, made


def _shown(patch: str, line: int) -> bool:
    for match in re.finditer(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", patch, re.M):
        first, count = int(match[1]), int(match[2] or 1)
        if first <= line < first + count:
            return True
    return False


# -- checks -------------------------------------------------------------------------------


@route("GET", "/repos/{owner}/{name}/commits/{sha}/check-runs")
def check_runs(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("checks", "read")
    found = [one for one in repo.checks.values() if one["head_sha"] == call.parts["sha"]]
    return 200, {"total_count": len(found), "check_runs": found}


def _checked(call: Call) -> dict[str, Any]:
    body = dict(call.body)
    if body.get("status") not in ("queued", "in_progress", "completed"):
        raise Refused(422, "Invalid status")
    if (body["status"] == "completed") != ("conclusion" in body):
        raise Refused(422, "A completed check has a conclusion, another one has none")
    output = body.get("output")
    if output is not None:
        if not output.get("title") or not output.get("summary"):
            raise Refused(422, "output needs title and summary")
        if len(output["summary"]) > 65_535 or len(output.get("annotations", [])) > 50:
            raise Refused(422, "output is too long")
        for one in output.get("annotations", []):
            if one["start_line"] > one["end_line"] or one["annotation_level"] not in (
                "notice",
                "warning",
                "failure",
            ):
                raise Refused(422, "Invalid annotation")
    return body


@route("POST", "/repos/{owner}/{name}/check-runs")
def create_check(call: Call) -> tuple[int, Any]:
    if call.authorization.partition(" ")[2] in call.world.personal:
        raise Refused(403, "You must authenticate via a GitHub App.")
    _, repo = call.repo("checks", "write")
    body = _checked(call)
    if not body.get("name") or not repo.has(str(body.get("head_sha"))):
        raise Refused(422, "No commit found for SHA")
    made = {"id": next(call.world.ids), "app": {"id": call.world.app_id}, **body}
    repo.checks[made["id"]] = made
    return 201, made


@route("PATCH", "/repos/{owner}/{name}/check-runs/{id}")
def update_check(call: Call) -> tuple[int, Any]:
    _, repo = call.repo("checks", "write")
    found = _found(repo.checks, call.parts["id"])
    found.update(_checked(call))
    return 200, found
