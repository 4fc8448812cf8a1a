"""Members of projects: API keys and subjects of tokens, each with the roles that it has."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from litestar import Controller, Request, delete, get, put
from litestar.params import PathParameter
from pydantic import BaseModel, ConfigDict, Field

from chassis.documents import Collection, Database
from chassis.problems import ProblemError
from contracts.documents import API_KEYS, SUBJECTS, ApiKeyDocument, Membership, SubjectDocument
from contracts.vocabulary import Role

from .access import MANAGE
from .keys import Caller
from .projects import opened_project

# What comes before the `sub` of a token; a key's id has no such thing.
SUBJECT = "subject:"

Member = Annotated[str, PathParameter(max_length=300, description=f"A key's id, or `{SUBJECT}` and a token's `sub`.")]


class MemberView(BaseModel):
    """Who has which role in a project."""

    member: str = Field(description=f"A key's id, or `{SUBJECT}` and a token's `sub`.", examples=["32785549c7032e28"])
    kind: Literal["key", "subject"]
    name: str | None = Field(description="What the key is called.", examples=["night survey"])
    role: Role


class MemberList(BaseModel):
    """The members of a project; who has a role by the claims of a token is not among them."""

    items: list[MemberView]


class MemberRole(BaseModel):
    """The role that a member is to have."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "writer"}]})

    role: Role


class Members:
    """The roles of all members, each with its member's document."""

    def __init__(self, database: Database) -> None:
        self._keys = database[API_KEYS]
        self._subjects = database[SUBJECTS]

    async def prepare(self) -> None:
        """Make the index by which the members of a project are found."""
        await self._subjects.create_index("memberships.project_id", name="by_project")

    async def of_subject(self, subject: str) -> tuple[Membership, ...]:
        """Return the memberships of a token's subject; none when nobody made it a member."""
        raw = await self._subjects.find_one({"_id": f"{SUBJECT}{subject}"})
        return SubjectDocument.model_validate(raw).memberships if raw is not None else ()

    async def of_project(self, project_id: str) -> list[MemberView]:
        """Return who has a role in a project, keys first."""
        query = {"memberships.project_id": project_id}
        keys = [ApiKeyDocument.model_validate(raw) async for raw in self._keys.find(query | _good()).sort("_id", 1)]
        subjects = [SubjectDocument.model_validate(raw) async for raw in self._subjects.find(query).sort("_id", 1)]
        return [
            *(_view(each.id, "key", each.name, _role(each.memberships, project_id)) for each in keys),
            *(_view(each.id, "subject", None, _role(each.memberships, project_id)) for each in subjects),
        ]

    async def set_role(self, member: str, project_id: str, role: Role) -> None:
        """Give a member a role in a project in the place of the one it has. Raises a 404 for an unknown key."""
        change = _changed(project_id, [Membership(project_id=project_id, role=role).model_dump()])
        result = await self._collection(member).update_one({"_id": member}, change, upsert=_is_subject(member))
        if not result.matched_count and result.upserted_id is None:
            raise ProblemError(404, "not_found", f"There is no key {member[:64]} here.")

    async def remove(self, member: str, project_id: str) -> None:
        """Take a member's role in a project away. Raises a 404 where it has none."""
        query = {"_id": member, "memberships.project_id": project_id}
        result = await self._collection(member).update_one(query, _changed(project_id, []))
        if not result.matched_count:
            raise ProblemError(404, "not_found", f"The project has no member {member[:64]}.")

    async def has_another_owner(self, member: str, project_id: str) -> bool:
        """Tell whether a project has an owner beside this member."""
        owns = {"$elemMatch": {"project_id": project_id, "role": Role.OWNER}}
        query = {"_id": {"$ne": member}, "memberships": owns}
        if await self._keys.find_one(query | _good(), {"_id": 1}) is not None:
            return True
        return await self._subjects.find_one(query, {"_id": 1}) is not None

    def _collection(self, member: str) -> Collection:
        return self._subjects if _is_subject(member) else self._keys


class MemberController(Controller):
    """What owners do with the members of their projects."""

    path = "/projects/{project:str}/members"
    tags = ("projects",)

    @get(operation_id="listMembers", needs=MANAGE)
    async def page(self, request: Request[Caller, Any, Any], members: Members, project: str) -> MemberList:
        """List the keys and the subjects of tokens that have a role in this project."""
        return MemberList(items=await members.of_project(opened_project(request.user, project)))

    @put("/{member:str}", operation_id="setMember", needs=MANAGE)
    async def set_role(
        self, request: Request[Caller, Any, Any], members: Members, project: str, member: Member, data: MemberRole
    ) -> MemberRole:
        """Give a key, or the subject of a token, a role in this project. The last owner stays owner (409)."""
        project_id = opened_project(request.user, project)
        if data.role is not Role.OWNER:
            await _refuse_last_owner(members, member, project_id)
        await members.set_role(member, project_id, data.role)
        return data

    @delete("/{member:str}", operation_id="removeMember", needs=MANAGE)
    async def remove(self, request: Request[Caller, Any, Any], members: Members, project: str, member: Member) -> None:
        """Take a member's role in this project away. The last owner stays (409)."""
        project_id = opened_project(request.user, project)
        await _refuse_last_owner(members, member, project_id)
        await members.remove(member, project_id)


async def _refuse_last_owner(members: Members, member: str, project_id: str) -> None:
    if not await members.has_another_owner(member, project_id):
        raise ProblemError(
            409,
            "last_owner",
            "A project keeps an owner, and this is its last one.",
            next_step="Make somebody else an owner first.",
        )


def _changed(project_id: str, added: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    others = {
        "$filter": {
            "input": {"$ifNull": ["$memberships", []]},
            "cond": {"$ne": ["$$this.project_id", {"$literal": project_id}]},
        }
    }
    return [{"$set": {"memberships": {"$concatArrays": [others, {"$literal": list(added)}]}}}]


def _good() -> dict[str, Any]:
    return {"revoked_at": None, "$or": [{"expires_at": None}, {"expires_at": {"$gt": datetime.now(UTC)}}]}


def _view(member: str, kind: Literal["key", "subject"], name: str | None, role: Role) -> MemberView:
    return MemberView(member=member, kind=kind, name=name, role=role)


def _role(memberships: Iterable[Membership], project_id: str) -> Role:
    return next(each.role for each in memberships if each.project_id == project_id)


def _is_subject(member: str) -> bool:
    return member.startswith(SUBJECT)
