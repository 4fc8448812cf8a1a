"""`python -m contracts build` writes what is generated from the models; `check` says whether it is up to date."""

import json
import sys
from pathlib import Path

from .compat import breaking_changes
from .published import EXAMPLES, PUBLISHED, SCHEMAS, generated


def main(words: list[str]) -> int:
    """Build or check; return the exit status."""
    actions = {"build": build, "check": check}
    if len(words) != 1 or words[0] not in actions:
        print("usage: python -m contracts build|check")
        return 2
    faults = actions[words[0]]()
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def build() -> list[str]:
    """Write every generated file, unless that would break a published schema."""
    files = generated()
    faults = _breaking(files)
    if faults:
        return [*faults, "A breaking change is a new version: add a class with `version = 2`."]
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return []


def check() -> list[str]:
    """Return what is stale, breaking, without an example, or an example that no longer parses."""
    files = generated()
    stale = [f"{_name(path)} is stale: run `make contracts`." for path, text in files.items() if _read(path) != text]
    return [*stale, *_breaking(files), *_examples()]


def _breaking(files: dict[Path, str]) -> list[str]:
    faults = []
    for path, text in files.items():
        if path.parent == SCHEMAS and path.exists():
            changes = breaking_changes(json.loads(path.read_text()), json.loads(text))
            faults += [f"{_name(path)}: {change}." for change in changes]
    gone = sorted(set(SCHEMAS.glob("*.json")) - files.keys())
    return [*faults, *(f"{_name(path)} was published, and no model is left for it." for path in gone)]


def _examples() -> list[str]:
    faults = []
    for name, model in PUBLISHED.items():
        examples = sorted((EXAMPLES / name).glob("*.json"))
        if not examples:
            faults.append(f"{name} has no example in contracts/examples.")
        for path in examples:
            try:
                model.model_validate_json(path.read_bytes())
            except ValueError as error:
                faults.append(f"{_name(path)} no longer parses: {error}")
    return faults


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


def _name(path: Path) -> str:
    return str(path.relative_to(SCHEMAS.parent.parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
