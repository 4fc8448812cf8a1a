"""Routes of projects: which there are for the caller, and new ones."""

from datetime import datetime
from typing import Any

from litestar import Controller, Request, Response, get, post
from pydantic import BaseModel, ConfigDict, Field

from contracts.vocabulary import Role

from .access import FOUND, READ
from .keys import Caller
from .members import Members
from .projects import Projects, opened_project


class ProjectView(BaseModel):
    """A project of the caller's."""

    id: str = Field(examples=["night-survey"])
    role: Role
    created_at: datetime | None = Field(description="Null: it came to be by the first key that opened it.")


class ProjectList(BaseModel):
    """The projects in which the caller has a role."""

    items: list[ProjectView]


class ProjectWish(BaseModel):
    """A project that is to be."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")


class ProjectController(Controller):
    """What everybody does with projects."""

    path = "/projects"
    tags = ("projects",)

    @get(operation_id="listProjects", needs=READ)
    async def page(self, request: Request[Caller, Any, Any], projects: Projects) -> ProjectList:
        """List the caller's projects, by name."""
        return ProjectList(items=await _views(request.user, projects, sorted(request.user.project_ids)))

    @post(operation_id="createProject", needs=FOUND, problems=(409,), status_code=201)
    async def create(
        self, request: Request[Caller, Any, Any], projects: Projects, members: Members, data: ProjectWish
    ) -> Response[ProjectView]:
        """Make a project, and the caller its owner; 409 when the name is taken, by whomever."""
        created_at = await projects.create(data.id)
        await members.set_role(request.user.id, data.id, Role.OWNER)
        made = ProjectView(id=data.id, role=Role.OWNER, created_at=created_at)
        return Response(made, status_code=201, headers={"Location": f"/v1/projects/{data.id}"})

    @get("/{project:str}", operation_id="getProject", needs=READ)
    async def one(self, request: Request[Caller, Any, Any], projects: Projects, project: str) -> ProjectView:
        """Say what a project is, and the caller in it."""
        [view] = await _views(request.user, projects, [opened_project(request.user, project)])
        return view


async def _views(caller: Caller, projects: Projects, project_ids: list[str]) -> list[ProjectView]:
    created_at = await projects.created_at(project_ids)
    return [ProjectView(id=each, role=caller.roles[each], created_at=created_at.get(each)) for each in project_ids]
