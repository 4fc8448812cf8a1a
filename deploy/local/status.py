"""What of the stack runs, as a table."""

from rich.console import Console
from rich.table import Table

from .layout import Layout, Part


def print_status(layout: Layout) -> None:
    table = Table("part", "state", "pid", "ports")
    for part in (*layout.servers, *layout.services):
        ports = " ".join(map(str, part.ports))
        table.add_row(part.name, _state(part, layout), str(part.process.pid or ""), ports)
    Console().print(table)
    print(f"Logs: {layout.state.of('logs')}")


def _state(part: Part, layout: Layout) -> str:
    if part.is_running():
        return "running"
    return "replaced by a URL" if part.name in layout.replaced else "stopped"
