"""What came of the recordings, as tables: facts in rows, recordings in columns."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .journey import PARTS, Journey

COLUMNS = 3

# The label, and where its measure stands in the manifest: extractor, measure, and the statistic of an aggregate.
FEATURES = (
    ("loudness", "loudness", "integrated_loudness", "value"),
    ("loudness range", "loudness", "loudness_range", "value"),
    ("true peak", "loudness", "true_peak", "value"),
    ("crest factor", "loudness", "crest_factor", "value"),
    ("silence", "loudness", "silence_ratio", "value"),
    ("recorder", "quality", "health", "value"),
    ("noise floor", "quality", "noise_floor", "value"),
    ("complexity (ACI)", "ecoacoustic", "aci", "value"),
    ("tempo", "tempo", "bpm", "value"),
    ("onsets", "tempo", "onset_rate", "value"),
    ("pitch, median", "pitch", "f0", "p50"),
    ("nearest note", "pitch", "note", "value"),
    ("voiced", "pitch", "voiced_ratio", "value"),
    ("key", "key", "key", "value"),
    ("mode", "key", "mode", "value"),
    ("centroid, mean", "spectral", "centroid", "mean"),
    ("bandwidth, mean", "spectral", "bandwidth", "mean"),
    ("roll-off, mean", "spectral", "rolloff", "mean"),
    ("flatness, mean", "spectral", "flatness", "mean"),
)
UNITLESS = ("ratio", "note", "mode", "full_scale", "colour", "index")

Row = tuple[str, list[str]]


def print_summary(console: Console, journeys: Sequence[Journey]) -> None:
    remaining = (journey for journey in journeys if journey.recording)
    while shown := list(islice(remaining, COLUMNS)):
        console.print(_table(shown))
    for name, fault in ((journey.name, fault) for journey in journeys for fault in journey.faults):
        where = f"[red]{escape(name)}, {fault.part}: {fault.code}[/]"
        console.print(f"{where} – {escape(fault.sentence)} {escape(fault.next_step)}", soft_wrap=True, highlight=False)
    for image in (image for journey in journeys for image in journey.images):
        console.print(escape(str(image)), soft_wrap=True, highlight=False)


def measured(manifest: dict[str, Any], extractor: str, measure: str, statistic: str) -> str:
    """Return a value with its unit, or the reason why there is none."""
    result = next((one for one in manifest.get("extractors", ()) if one["name"] == extractor), None)
    if result is None:
        return "–"
    if not result["success"]:
        return f"– ({result['error']['code']})"
    found = result["payload"].get(measure, {})
    value = found.get(statistic)
    if value is None:
        return f"– ({found.get('reason')})"
    shown = value if isinstance(value, str) else f"{value:.4g}"
    return shown if found["unit"] in UNITLESS else f"{shown} {found['unit']}"


def _table(journeys: Sequence[Journey]) -> Table:
    table = Table("", *(escape(journey.name) for journey in journeys))
    for section in (_facts(journeys), _timings(journeys), _features(journeys)):
        for label, cells in section:
            table.add_row(label, *cells)
        table.add_section()
    return table


def _facts(journeys: Sequence[Journey]) -> Iterator[Row]:
    yield "status", [_status(journey) for journey in journeys]
    yield "audio", [_audio(journey.recording["audio"]) for journey in journeys]
    yield "trace id", [journey.recording["trace_id"] for journey in journeys]


def _timings(journeys: Sequence[Journey]) -> Iterator[Row]:
    yield "upload", [f"{journey.upload_s:.3f} s" for journey in journeys]
    for label in ("images_after_upload", "analysis_after_upload"):
        yield label.replace("_", " "), [_seconds(journey.recording["timings_s"], label) for journey in journeys]
    for part in PARTS:
        timings = [journey.recording[part]["timings_s"] for journey in journeys]
        for stage in dict.fromkeys(stage for one in timings for stage in one):
            yield f"{part}: {stage.replace('_', ' ')}", [_seconds(one, stage) for one in timings]


def _features(journeys: Sequence[Journey]) -> Iterator[Row]:
    for label, extractor, measure, statistic in FEATURES:
        yield label, [measured(journey.manifest, extractor, measure, statistic) for journey in journeys]


def _status(journey: Journey) -> str:
    status = journey.recording["status"]
    colour = "green" if journey.is_complete else "red"
    return f"[{colour}]{status}[/]" + (" (was here already)" if journey.duplicate else "")


def _audio(audio: dict[str, Any] | None) -> str:
    if not audio:
        return "–"
    depth = f", {audio['bit_depth']} bit" if audio["bit_depth"] else ""
    duration_s = audio["duration_decoded_s"] or audio["duration_claimed_s"] or 0.0
    sound = f"{duration_s:.2f} s, {audio['rate_hz'] / 1000:g} kHz, {audio['channels']} ch{depth}"
    return f"{audio['codec']} in {audio['container']}\n{sound}"


def _seconds(timings_s: dict[str, float], name: str) -> str:
    return f"{timings_s[name]:.3f} s" if name in timings_s else "–"
