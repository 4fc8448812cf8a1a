import pytest

from client import ClientError, NotLoggedInError, NotReadyError, RefusedError, UnreachableError
from client.commands.output import Exit, all_items, exit_of
from tests.audio import REPOSITORY
from tests.pages import marked_table

USAGE = 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RefusedError(404, "not_found", "Not here."), 1),
        (NotReadyError("queued"), 3),
        (RefusedError(401, "not_authenticated", "No."), 4),
        (RefusedError(403, "forbidden", "No."), 4),
        (NotLoggedInError(), 4),
        (UnreachableError("http://gateway", "refused"), 5),
    ],
)
def test_a_script_can_tell_errors_apart(error: ClientError, code: int) -> None:
    assert exit_of(error) == code


def test_the_table_of_exit_codes_is_that_of_the_code() -> None:
    documented = [int(row[0]) for row in marked_table(REPOSITORY / "docs" / "client.md", "exits")]

    assert documented == sorted([*Exit, USAGE])


def test_a_list_goes_through_as_many_pages_as_are_wanted() -> None:
    pages = {None: ([1, 2], "b"), "b": ([3, 4], "c"), "c": ([5], None)}

    assert all_items(pages.__getitem__, 3) == [1, 2, 3]
    assert all_items(pages.__getitem__, 9) == [1, 2, 3, 4, 5]
