"""`dawnchorus keys`."""

from typing import Annotated

import typer

from client import keys
from client.models import ProjectRole

from .output import JsonOption, opened, print_json, print_table

app = typer.Typer(help="API keys of projects that you own.", no_args_is_help=True)


@app.command("list")
def list_keys(*, json: JsonOption = False) -> None:
    """List keys, the newest first."""
    with opened() as client:
        found = client.send(keys.keys())
    if json:
        print_json(found.items)
        return
    columns = ("id", "name", "projects", "scopes", "last used", "revoked")
    shown = [
        (each.id, each.name, _roles(each.projects), ", ".join(each.scopes), each.last_used_at, each.revoked_at)
        for each in found.items
    ]
    print_table(columns, shown)


@app.command("create")
def create(
    name: str,
    project: Annotated[list[str], typer.Option(help="Once or more.")],
    role: Annotated[str, typer.Option(help="reader, writer or owner.")] = "writer",
    scope: Annotated[list[str] | None, typer.Option(help="Once or more; all but the operators' by default.")] = None,
    *,
    json: JsonOption = False,
) -> None:
    """Make a key and print it: its secret is said this once."""
    with opened() as client:
        made = client.send(keys.create_key(name, dict.fromkeys(project, role), scope or ()))
    if json:
        print_json(made)
        return
    typer.echo(made.key)


@app.command("revoke")
def revoke(key_id: str) -> None:
    """Make a key good for nothing, at once and for ever."""
    with opened() as client:
        client.send(keys.revoke_key(key_id))
    typer.echo(f"The key {key_id} is revoked.", err=True)


def _roles(projects: tuple[ProjectRole, ...]) -> str:
    return ", ".join(f"{each.project} ({each.role})" for each in projects)
