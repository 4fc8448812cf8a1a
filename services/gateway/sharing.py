"""Routes of members: who has which role in a project."""

from typing import Annotated, Any

from litestar import Controller, Request, delete, get, put
from litestar.params import PathParameter
from pydantic import BaseModel, ConfigDict

from chassis.problems import ProblemError
from contracts.vocabulary import Role

from .access import MANAGE
from .keys import Caller
from .members import SUBJECT, Members, MemberView
from .projects import opened_project

Member = Annotated[str, PathParameter(max_length=300, description=f"A key's id, or `{SUBJECT}` and a token's `sub`.")]


class MemberList(BaseModel):
    """The members of a project; who has a role by the claims of a token is not among them."""

    items: list[MemberView]


class MemberRole(BaseModel):
    """The role that a member is to have."""

    model_config = ConfigDict(extra="forbid")

    role: Role


class MemberController(Controller):
    """What owners do with the members of their projects."""

    path = "/projects/{project:str}/members"
    tags = ("projects",)

    @get(operation_id="listMembers", needs=MANAGE)
    async def page(self, request: Request[Caller, Any, Any], members: Members, project: str) -> MemberList:
        """List the keys and the subjects of tokens that have a role in this project."""
        return MemberList(items=await members.of_project(opened_project(request.user, project)))

    @put("/{member:str}", operation_id="setMember", needs=MANAGE, problems=(409,))
    async def set_role(
        self, request: Request[Caller, Any, Any], members: Members, project: str, member: Member, data: MemberRole
    ) -> MemberRole:
        """Give a key, or the subject of a token, a role in this project. The last owner stays owner (409)."""
        project_id = opened_project(request.user, project)
        if data.role is not Role.OWNER:
            await _refuse_last_owner(members, member, project_id)
        await members.set_role(member, project_id, data.role)
        return data

    @delete("/{member:str}", operation_id="removeMember", needs=MANAGE, problems=(409,))
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
