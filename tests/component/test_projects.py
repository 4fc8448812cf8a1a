import pytest

from chassis.documents import Database
from chassis.problems import ProblemError
from contracts.documents import PROJECTS
from contracts.rendering import PRESETS, RenderParameters
from contracts.vocabulary import Role
from services.gateway.keys import Caller
from services.gateway.projects import Projects, opened_project

pytestmark = pytest.mark.servers

BATS = PRESETS["bat"]


@pytest.fixture
def projects(database: Database) -> Projects:
    """No project has anything of its own."""
    return Projects(database)


async def test_a_project_has_no_parameters_of_its_own_until_it_gets_some(projects: Projects) -> None:
    before = await projects.rendering("caves")

    await projects.set_rendering("caves", BATS)

    assert before is None
    assert await projects.rendering("caves") == BATS
    assert await projects.rendering("meadow") is None


async def test_the_parameters_said_last_are_the_projects(projects: Projects, database: Database) -> None:
    await projects.set_rendering("caves", BATS)
    await projects.set_rendering("caves", RenderParameters(palette="gray"))

    assert await projects.rendering("caves") == RenderParameters(palette="gray")
    assert await database[PROJECTS].count_documents({}) == 1


async def test_parameters_that_were_taken_back_are_gone(projects: Projects) -> None:
    await projects.set_rendering("caves", BATS)

    await projects.set_rendering("caves", None)

    assert await projects.rendering("caves") is None


@pytest.mark.parametrize(
    ("project_ids", "wanted", "opened"),
    [
        (("default", "caves"), None, "default"),
        (("caves", "meadow"), None, "caves"),
        (("default", "caves"), "caves", "caves"),
    ],
)
def test_a_key_opens_its_projects(project_ids: tuple[str, ...], wanted: str | None, opened: str) -> None:
    assert opened_project(Caller("anna", dict.fromkeys(project_ids, Role.OWNER)), wanted) == opened


def test_a_project_that_a_key_does_not_open_is_not_there() -> None:
    with pytest.raises(ProblemError) as refusal:
        opened_project(Caller("anna", {"caves": Role.OWNER}), "meadow")

    assert (refusal.value.status, refusal.value.code) == (404, "not_found")


def test_a_project_in_which_a_caller_may_too_little_is_forbidden() -> None:
    anna = Caller("anna", {"caves": Role.READER, "meadow": Role.WRITER}, needs=Role.WRITER)

    with pytest.raises(ProblemError) as refusal:
        opened_project(anna, "caves")

    assert (refusal.value.status, refusal.value.code) == (403, "forbidden")
    assert opened_project(anna, None) == "meadow"
