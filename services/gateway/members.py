"""Members of projects: API keys and subjects of tokens, each with the roles that it has."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from chassis.documents import Collection, Database
from chassis.problems import ProblemError
from contracts.documents import API_KEYS, SUBJECTS, ApiKeyDocument, Membership, SubjectDocument
from contracts.vocabulary import Role

# What comes before the `sub` of a token; a key's id has no such thing.
SUBJECT = "subject:"


class MemberView(BaseModel):
    """Who has which role in a project."""

    member: str = Field(description=f"A key's id, or `{SUBJECT}` and a token's `sub`.", examples=["32785549c7032e28"])
    kind: Literal["key", "subject"]
    name: str | None = Field(description="What the key is called.", examples=["night survey"])
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
