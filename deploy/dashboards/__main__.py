"""Write the dashboards as JSON, or say which are stale: `python -m deploy.dashboards build` or `check`."""

import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from .gateway import gateway
from .infrastructure import infrastructure
from .journey import journey
from .overview import overview
from .pipeline import pipeline
from .workers import workers

FOLDER = Path(__file__).resolve().parent


def made() -> Mapping[Path, str]:
    """Return the text of every dashboard, by its file."""
    boards = (overview(), pipeline(), workers(), gateway(), infrastructure(), journey())
    built = {FOLDER / f"{str(each.build().uid).removeprefix('dawnchorus-')}.json": each.build() for each in boards}
    return {path: JSONEncoder(sort_keys=True, indent=2).encode(board) + "\n" for path, board in built.items()}


def stale() -> list[str]:
    """Return the names of those files that are not what they should be."""
    return [path.name for path, text in made().items() if not path.exists() or path.read_text() != text]


def main(wish: str) -> int:
    """Do what is asked; return the exit code."""
    if wish == "build":
        for path, text in made().items():
            path.write_text(text)
        return 0
    old = stale()
    if old:
        print(f"Stale: {', '.join(old)}. Run `make dashboards`.", file=sys.stderr)
    return len(old)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "check"))
