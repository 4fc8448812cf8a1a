"""Projects: how the recordings that are sent to them are rendered; the gateway is the only writer."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from litestar import Controller, Request, delete, get, put
from pydantic import BaseModel, Field

from chassis.documents import Database, DuplicateKeyError
from chassis.problems import ProblemError
from contracts.documents import API_KEYS, PROJECTS, RECORDINGS, SUBJECTS, ProjectDocument
from contracts.rendering import RenderParameters
from contracts.vocabulary import DEFAULT_PROJECT

from .access import MANAGE, READ
from .keys import Caller


class ProjectRendering(BaseModel):
    """How recordings that are sent to a project from now on are rendered."""

    project: str
    rendering: RenderParameters
    parameters_id: str = Field(description="The identity of the images that come of it.")
    is_default: bool = Field(description="Whether the project has no parameters of its own.")


class Projects:
    """What is particular about projects; one without a document is as all are by default."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._collection = database[PROJECTS]

    async def create(self, project_id: str) -> datetime:
        """Make a project, and return when that was. Raises a 409 where there is one of this name, or was."""
        now = datetime.now(UTC)
        if await self._is_used(project_id):
            raise _taken(project_id)
        try:
            await self._collection.insert_one(ProjectDocument(id=project_id, created_at=now).model_dump(by_alias=True))
        except DuplicateKeyError as error:
            raise _taken(project_id) from error
        return now

    async def created_at(self, project_ids: Sequence[str]) -> dict[str, datetime | None]:
        """Return when projects were made, of those that were made as such."""
        rows = self._collection.find({"_id": {"$in": project_ids}})
        documents = [ProjectDocument.model_validate(raw) async for raw in rows]
        return {each.id: each.created_at for each in documents}

    async def rendering(self, project_id: str) -> RenderParameters | None:
        """Return a project's own parameters, if it has any."""
        raw = await self._collection.find_one({"_id": project_id})
        return ProjectDocument.model_validate(raw).rendering if raw is not None else None

    async def set_rendering(self, project_id: str, rendering: RenderParameters | None) -> None:
        """Give a project parameters of its own, or with None the default ones again."""
        said = rendering.model_dump() if rendering is not None else None
        change = {"$set": {"rendering": said, "updated_at": datetime.now(UTC)}}
        await self._collection.update_one({"_id": project_id}, change, upsert=True)

    async def _is_used(self, project_id: str) -> bool:
        # A key made on the command line brings a project into being without a document of its own.
        by_member, by_recording = {"memberships.project_id": project_id}, {"project_id": project_id}
        uses = ((API_KEYS, by_member), (SUBJECTS, by_member), (RECORDINGS, by_recording))
        found = [await self._database[name].find_one(query, {"_id": 1}) for name, query in uses]
        return any(each is not None for each in found)


class ProjectRenderingController(Controller):
    """What clients say of their projects."""

    path = "/projects/{project:str}/rendering"
    tags = ("projects",)

    @get(operation_id="getProjectRendering", needs=READ)
    async def rendering(self, request: Request[Caller, Any, Any], projects: Projects, project: str) -> ProjectRendering:
        """Say how recordings that are sent to this project are rendered."""
        project_id = opened_project(request.user, project)
        return _shown(project_id, await projects.rendering(project_id))

    @put(operation_id="setProjectRendering", needs=MANAGE)
    async def set_rendering(
        self, request: Request[Caller, Any, Any], projects: Projects, project: str, data: RenderParameters
    ) -> ProjectRendering:
        """Have recordings that are sent to this project from now on rendered with these parameters."""
        project_id = opened_project(request.user, project)
        await projects.set_rendering(project_id, data)
        return _shown(project_id, data)

    @delete(operation_id="resetProjectRendering", needs=MANAGE)
    async def reset_rendering(self, request: Request[Caller, Any, Any], projects: Projects, project: str) -> None:
        """Have recordings that are sent to this project from now on rendered as by default."""
        await projects.set_rendering(opened_project(request.user, project), None)


def opened_project(caller: Caller, wanted: str | None) -> str:
    """Return the project that is meant; one in which the caller has no role is 404, one with too little of it 403."""
    if wanted is None:
        return DEFAULT_PROJECT if DEFAULT_PROJECT in caller.project_ids else caller.project_ids[0]
    if wanted not in caller.roles:
        raise ProblemError(404, "not_found", "There is no such project here.")
    caller.check(wanted)
    return wanted


def _taken(project_id: str) -> ProblemError:
    return ProblemError(
        409, "project_exists", f"There is a project {project_id} already.", next_step="Choose another name."
    )


def _shown(project_id: str, own: RenderParameters | None) -> ProjectRendering:
    rendering = own or RenderParameters()
    return ProjectRendering(
        project=project_id, rendering=rendering, parameters_id=rendering.parameters_id, is_default=own is None
    )
