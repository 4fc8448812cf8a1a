"""Object keys in S3: made of server-made ids alone, so that writing twice writes the same object."""

FOLDERS = frozenset(("audio", "spectrograms", "tiles", "waveforms", "regions", "series", "attachments", "manifests"))


def is_server_made(key: str) -> bool:
    """Tell whether a key is one of these, and holds nothing that somebody outside has named."""
    return key.partition("/")[0] in FOLDERS


def audio_key(recording_id: str) -> str:
    """Return the key of a recording's bytes, as they came."""
    return f"audio/{recording_id}/original"


def image_key(recording_id: str, parameters_id: str, image: str) -> str:
    """Return the key of one image."""
    return f"spectrograms/{recording_id}/{parameters_id}/{image}.png"


def figure_key(image_key: str, figure_id: str) -> str:
    """Return the key of an image with axes around it."""
    return f"{image_key.removesuffix('.png')}-axes-{figure_id}.png"


def first_look_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of the first look at a recording."""
    return f"spectrograms/{recording_id}/{parameters_id}/first-look.png"


def geometry_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of the JSON that says what the images show."""
    return f"spectrograms/{recording_id}/{parameters_id}/geometry.json"


def tiles_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of the tiles that were stored together."""
    return f"spectrograms/{recording_id}/{parameters_id}/pyramid.tiles"


def tile_key(recording_id: str, parameters_id: str, level: int, x: int) -> str:
    """Return the key of a tile that was drawn for a reader."""
    return f"tiles/{recording_id}/{parameters_id}/{level}-{x}.png"


def waveform_key(recording_id: str) -> str:
    """Return the key of a recording's waveform."""
    return f"waveforms/{recording_id}/waveform.png"


def peaks_key(recording_id: str, zoom: int, form: str) -> str:
    """Return the key of a recording's peaks at one zoom, `json`, `dat` or `rms.dat`."""
    return f"waveforms/{recording_id}/peaks-{zoom}.{form}"


def region_key(recording_id: str, region_id: str) -> str:
    """Return the key of a region that was drawn for a reader."""
    return f"regions/{recording_id}/{region_id}.png"


def series_key(recording_id: str, extractor: str, extraction_id: str) -> str:
    """Return the key of one extractor's frame series."""
    return f"series/{recording_id}/{extraction_id}/{extractor}.parquet"


def attachment_key(recording_id: str, extractor: str, extraction_id: str) -> str:
    """Return the key of what one extractor made besides measures and series."""
    return f"attachments/{recording_id}/{extraction_id}/{extractor}"


def manifest_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of a manifest."""
    return f"manifests/{recording_id}/{parameters_id}.json"


def is_drawn(key: str) -> bool:
    """Tell whether an object was drawn for a reader: no document names it, and it is drawn again where it is gone."""
    return key.startswith(("tiles/", "regions/")) or "-axes-" in key.rpartition("/")[2]
