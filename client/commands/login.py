"""`dawnchorus login`."""

import os
from typing import Annotated

import typer

from client import recordings
from client.clients import Client
from client.credentials import Credentials, keep_credentials

from .output import JsonOption, print_json


def login(
    url: Annotated[str, typer.Option(prompt="URL of the gateway", envvar="DAWNCHORUS_URL")],
    api_key: Annotated[
        str, typer.Option("--key", prompt="API key", hide_input=True, envvar="DAWNCHORUS_API_KEY", show_envvar=True)
    ],
    *,
    json: JsonOption = False,
) -> None:
    """Try a URL and an API key, and keep them for later commands."""
    credentials = Credentials.of(url, api_key)
    with Client(credentials) as client:
        capabilities = client.send(recordings.capabilities())
    path = keep_credentials(credentials)
    if json:
        print_json({"path": os.fspath(path), "projects": capabilities.caller.projects})
        return
    projects = ", ".join(f"{name} ({role})" for name, role in capabilities.caller.projects.items())
    typer.echo(f"Logged in to {credentials.url}: {projects}. Kept in {path}.")
