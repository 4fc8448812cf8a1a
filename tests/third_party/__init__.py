"""A package of somebody else's, installed for a test as an installer would, but without the network."""

import shutil
import tomllib
from pathlib import Path

HERE = Path(__file__).parent


def install(target: Path) -> Path:
    """Put the package and its metadata into `target`, as `pip install --target` does; return `target`."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    shutil.copytree(HERE / "src", target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    metadata = target / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    metadata.mkdir(exist_ok=True)
    identity = f"Name: {project['name']}\nVersion: {project['version']}\n"
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\n{identity}")
    (metadata / "entry_points.txt").write_text(_entry_points(project["entry-points"]))
    return target


def _entry_points(groups: dict[str, dict[str, str]]) -> str:
    sections = (
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())])
        for group, entries in groups.items()
    )
    return "\n\n".join(sections) + "\n"
