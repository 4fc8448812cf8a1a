"""The project's Markdown pages, taken apart: links, headings, code blocks, marked tables."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

from tests.audio import REPOSITORY

README = REPOSITORY / "README.md"
PAGES = (README, *(REPOSITORY / name for name in ("CONTRIBUTING.md", "CHANGELOG.md")), *REPOSITORY.glob("docs/**/*.md"))

# In a step of a list a block is indented.
_FENCED = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[(?:\\.|[^\]\\])*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Link:
    """A link from one page to a file of the repository, perhaps to a heading in it."""

    page: Path
    target: str

    @property
    def file(self) -> Path:
        path = self.target.partition("#")[0]
        return (self.page.parent / path).resolve() if path else self.page

    @property
    def anchor(self) -> str:
        return self.target.partition("#")[2]

    def __str__(self) -> str:
        return f"{self.page.relative_to(REPOSITORY)} to {self.target}"


def links(text: str, page: Path) -> list[Link]:
    """Return the links of `text` that stay in the repository."""
    targets = _LINK.findall(_FENCED.sub("", text))
    return [Link(page, target) for target in targets if "://" not in target]


def blocks(page: Path, language: str) -> list[str]:
    """Return what stands in the fenced blocks of a language."""
    return [dedent(body) for named, body in _FENCED.findall(page.read_text()) if named == language]


def anchors(page: Path) -> set[str]:
    """Return what the headings of a page are called in links, as GitHub calls them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page: Path, heading: str) -> str:
    """Return what stands under a heading of the second level."""
    [text] = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", page.read_text(), re.MULTILINE | re.DOTALL)
    return str(text)


def marked_block(page: Path, mark: str) -> str:
    """Return the fenced block behind `<!-- mark -->`."""
    _, _, behind = page.read_text().partition(f"<!-- {mark} -->")
    found = _FENCED.search(behind)
    assert found is not None, f"{page.name} has no block marked {mark}"
    return found.group(2)


def marked_table(page: Path, mark: str) -> list[list[str]]:
    """Return the cells of the rows of the table behind `<!-- mark -->`."""
    _, _, behind = page.read_text().partition(f"<!-- {mark} -->\n")
    return table(behind)


def with_marked(page: str, mark: str, lines: Sequence[str]) -> str:
    """Return a page with other lines in the table behind `<!-- mark -->`."""
    before, found, behind = page.partition(f"<!-- {mark} -->\n")
    assert found, f"there is no table marked {mark}"
    old = list(_first_table(behind))
    assert behind.startswith(old[0])
    return f"{before}{found}" + "\n".join(lines) + behind.removeprefix("\n".join(old))


def table(text: str) -> list[list[str]]:
    """Return the cells of the rows of the first table in `text`."""
    return [_cells(line) for line in _first_table(text)][2:]


def quoted(cell: str) -> list[str]:
    """Return the words in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def _first_table(text: str) -> Iterator[str]:
    begun = False
    for line in text.splitlines():
        if line.startswith("|"):
            begun = True
            yield line
        elif begun:
            return


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]
