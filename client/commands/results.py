"""`dawnchorus spectrogram` and `dawnchorus analysis`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from client import recordings

from .output import JsonOption, WaitOption, opened, print_json, print_table

RecordingId = Annotated[str, typer.Argument(metavar="ID", show_default=False)]


def spectrogram(
    recording_id: RecordingId,
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.", dir_okay=False)],
    resolution: Annotated[str | None, typer.Option(help="thumbnail, standard or full.")] = None,
    preset: Annotated[str | None, typer.Option(help="As in birdsong.")] = None,
    palette: Annotated[str | None, typer.Option(help="As in magma.")] = None,
    wait_s: WaitOption = 60.0,
    *,
    axes: Annotated[bool, typer.Option(help="With axes for time, frequency and level.")] = False,
    json: JsonOption = False,
) -> None:
    """Fetch the spectrogram of a recording as a PNG."""
    asked = {"resolution": resolution, "preset": preset, "palette": palette, "axes": True if axes else None}
    with opened(wait_s) as client:
        image = client.send(recordings.spectrogram(recording_id, **asked))
    output.write_bytes(image)
    if json:
        print_json({"path": str(output), "size_bytes": len(image)})
        return
    typer.echo(output)


def analysis(
    recording_id: RecordingId,
    wait_s: WaitOption = 60.0,
    *,
    json: JsonOption = False,
) -> None:
    """Show the features of a recording; with --json its whole manifest."""
    with opened(wait_s) as client:
        manifest = client.send(recordings.manifest(recording_id))
    if json:
        print_json(manifest)
        return
    print_table(("extractor", "measure", "value", "unit"), _rows(manifest))


def _rows(manifest: Mapping[str, Any]) -> Iterator[tuple[object, ...]]:
    for extractor in manifest["extractors"]:
        if not extractor["success"]:
            yield extractor["name"], "", f"– ({extractor['error']['code']})", ""
            continue
        for name, measure in extractor["payload"].items():
            if isinstance(measure, dict) and "value" in measure:
                yield extractor["name"], name, _value(measure), measure.get("unit")


def _value(measure: Mapping[str, Any]) -> str:
    value = measure["value"]
    if value is None:
        return f"– ({measure.get('reason')})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
