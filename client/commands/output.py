"""What commands print and how they exit: results on stdout, everything else on stderr.

0  done
1  refused, or something failed
2  the command is not one of ours (Typer's)
3  not there yet
4  not logged in, or not allowed
5  nobody answers
"""

import json
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from http import HTTPStatus
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from client.clients import Client
from client.credentials import kept_credentials
from client.errors import ClientError, NotLoggedInError, NotReadyError, RefusedError, UnreachableError
from client.patience import Patience

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
WaitOption = Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="Wait so long for a result.")]
ProjectOption = Annotated[str | None, typer.Option(help="One of your projects.")]

# Outside a terminal there is no width to respect.
_PLAIN_WIDTH = 160
# The cursor of the next page, then the page: its items, and the cursor after it.
Pages = Callable[[str | None], tuple[Sequence[Any], str | None]]


class Exit(IntEnum):
    """Exit codes."""

    DONE = 0
    FAILED = 1
    NOT_READY = 3
    FORBIDDEN = 4
    UNREACHABLE = 5


def opened(wait_s: float = 0.0) -> Client:
    """Return a client of the gateway that one is logged in to."""
    return Client(kept_credentials(), Patience(ready_s=wait_s))


def console() -> Console:
    """Return where results go."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_PLAIN_WIDTH)


def print_json(document: BaseModel | Sequence[BaseModel] | dict[str, Any] | list[Any]) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(_plain(document), ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; what is None stays empty."""
    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if cell is None else escape(str(cell)) for cell in row))
    console().print(table)


def print_facts(document: BaseModel | dict[str, Any], *, as_json: bool) -> None:
    """Print all that is said of one thing: as JSON, or a line per fact."""
    if as_json:
        print_json(document)
        return
    print_table(("fact", "value"), _plain(document).items())


def all_items(pages: Pages, limit: int) -> list[Any]:
    """Return up to `limit` items, page after page."""
    items, cursor = pages(None)
    found = list(items)
    while cursor is not None and len(found) < limit:
        items, cursor = pages(cursor)
        found += items
    return found[:limit]


def fail(error: ClientError, *, as_json: bool) -> Exit:
    """Say what went wrong on stderr; return the exit code."""
    if as_json:
        typer.echo(json.dumps(error.document(), ensure_ascii=False), err=True)
    else:
        typer.echo(f"{error} ({error.code})", err=True)
        for hint in (error.next_step, error.trace_id and f"trace id: {error.trace_id}"):
            if hint:
                typer.echo(hint, err=True)
    return exit_of(error)


def exit_of(error: ClientError) -> Exit:
    """Return the exit code of an error."""
    if isinstance(error, NotReadyError):
        return Exit.NOT_READY
    if isinstance(error, UnreachableError):
        return Exit.UNREACHABLE
    forbidden = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if isinstance(error, NotLoggedInError) or (isinstance(error, RefusedError) and error.status in forbidden):
        return Exit.FORBIDDEN
    return Exit.FAILED


def _plain(document: Any) -> Any:  # noqa: ANN401 (JSON)
    if isinstance(document, BaseModel):
        return document.model_dump(mode="json", exclude_unset=True)
    return [_plain(each) for each in document] if isinstance(document, list | tuple) else document
