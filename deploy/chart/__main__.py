"""Write what is generated in the chart: the table of its README, and the dashboards and alerts that it carries."""

from pathlib import Path

from .values_table import table

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "dawnchorus"
CARRIED = {"dashboards": "*.json", "alerts": "*.yaml"}
_MARK = "<!-- values -->\n"


def main() -> None:
    """Write all of it."""
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in leftovers():
        path.unlink()


def generated() -> dict[Path, str]:
    """Return what the generated files shall hold."""
    readme = CHART / "README.md"
    before, _, _ = readme.read_text().partition(_MARK)
    made = {readme: before + _MARK + table((CHART / "values.yaml").read_text()) + "\n"}
    return made | {_carried(source): source.read_text() for source in _sources()}


def leftovers() -> list[Path]:
    """Return files that the chart carries and nobody wrote."""
    wanted = {_carried(source) for source in _sources()}
    there = (path for folder, pattern in CARRIED.items() for path in (CHART / "files" / folder).glob(pattern))
    return [path for path in there if path not in wanted]


def _sources() -> list[Path]:
    # Charts see no file outside their folder.
    found = [path for folder, pattern in CARRIED.items() for path in sorted((ROOT / "deploy" / folder).glob(pattern))]
    return [path for path in found if path.suffix == ".json" or _holds_rules(path)]


def _holds_rules(path: Path) -> bool:
    # Beside rules lie promtool's tests of them.
    return any(line.startswith("groups:") for line in path.read_text().splitlines())


def _carried(source: Path) -> Path:
    return CHART / "files" / source.parent.name / source.name


if __name__ == "__main__":
    main()
