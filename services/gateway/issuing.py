"""Routes of API keys: made, listed and revoked by the owners of the projects that they open."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Controller, Request, Response, delete, get, post
from litestar.params import PathParameter
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from chassis.problems import ProblemError
from contracts.documents import ApiKeyDocument, Membership
from contracts.vocabulary import Role, Scope

from .access import MANAGE
from .keys import SCOPES, Caller, KeyRing, NewKey
from .projects import opened_project

KeyId = Annotated[str, PathParameter(max_length=64)]


class ProjectRole(BaseModel):
    """A project, and as what it is opened."""

    model_config = ConfigDict(extra="forbid")

    project: str = Field(max_length=200, examples=["night-survey"])
    role: Role


class KeyWish(BaseModel):
    """What a key is to be; without `expires_at` it holds until it is revoked."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    projects: list[ProjectRole] = Field(min_length=1, max_length=100)
    scopes: list[Scope] = Field(default=list(SCOPES), min_length=1, max_length=len(Scope))
    expires_at: AwareDatetime | None = None


class KeyView(BaseModel):
    """A key, without its secret; of its projects, those that you own."""

    id: str = Field(examples=["32785549c7032e28"])
    name: str = Field(examples=["recorder 12"])
    projects: list[ProjectRole]
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute; null: never.")


class MadeKey(KeyView):
    """A key that was made just now."""

    key: str = Field(description="The key with its secret: it is said this once.", examples=["dc_32785549c7032e28_…"])


class KeyList(BaseModel):
    """The keys that open a project of yours, the newest first."""

    items: list[KeyView]


class KeyController(Controller):
    """What owners of projects do with keys."""

    path = "/keys"
    tags = ("keys",)

    @post(operation_id="createKey", needs=MANAGE, problems=(404,), status_code=201)
    async def create(self, request: Request[Caller, Any, Any], key_ring: KeyRing, data: KeyWish) -> Response[MadeKey]:
        """Make a key for projects that you own, with no more scopes than your own key has."""
        memberships = [_membership(request.user, each) for each in data.projects]
        _check(data, request.user)
        key, document = await key_ring.create(NewKey(data.name, memberships, data.scopes, data.expires_at))
        made = MadeKey(key=key, **_view(document, request.user).model_dump())
        return Response(made, status_code=201, headers={"Cache-Control": "no-store"})

    @get(operation_id="listKeys", needs=MANAGE)
    async def page(self, request: Request[Caller, Any, Any], key_ring: KeyRing) -> KeyList:
        """List the keys that open projects of yours, revoked and expired ones, too."""
        found = await key_ring.opening(request.user.project_ids)
        return KeyList(items=[_view(each, request.user) for each in found])

    @delete("/{key_id:str}", operation_id="revokeKey", needs=MANAGE)
    async def revoke(self, request: Request[Caller, Any, Any], key_ring: KeyRing, key_id: KeyId) -> None:
        """Make a key good for nothing, at once and for ever; all projects that it opens must be yours."""
        document = await key_ring.get(key_id)
        opened = {each.project_id for each in document.memberships} if document is not None else set()
        if not opened & set(request.user.seen_project_ids):
            raise ProblemError(404, "not_found", f"There is no key {key_id} that opens a project of yours.")
        if not opened <= set(request.user.project_ids):
            raise ProblemError(
                403,
                "forbidden",
                "This key opens projects that are not yours, too.",
                next_step="Take its role in your project away: DELETE /v1/projects/{project}/members/{member}.",
            )
        await key_ring.revoke(key_id)


def _membership(caller: Caller, wanted: ProjectRole) -> Membership:
    return Membership(project_id=opened_project(caller, wanted.project), role=wanted.role)


def _check(wish: KeyWish, caller: Caller) -> None:
    beyond = sorted(set(wish.scopes) - caller.scopes)
    if beyond:
        raise ProblemError(403, "forbidden", f"Your own key lacks the scope {', '.join(beyond)}.")
    if len({each.project for each in wish.projects}) < len(wish.projects):
        raise ProblemError(400, "bad_request", "A project is named twice.")
    if wish.expires_at is not None and wish.expires_at <= datetime.now(UTC):
        raise ProblemError(400, "bad_request", "expires_at is over already.")


def _view(document: ApiKeyDocument, caller: Caller) -> KeyView:
    own = [each for each in document.memberships if each.project_id in caller.project_ids]
    return KeyView(
        **document.model_dump(include={"id", "name", "created_at", "expires_at", "revoked_at", "last_used_at"}),
        projects=[ProjectRole(project=each.project_id, role=each.role) for each in own],
        scopes=list(document.scopes),
    )
