"""Object keys in S3: made of server-made ids alone, so that writing twice writes the same object."""


def audio_key(recording_id: str) -> str:
    """Return the key of a recording's bytes, as they came."""
    return f"audio/{recording_id}/original"


def image_key(recording_id: str, parameters_id: str, image: str) -> str:
    """Return the key of one image."""
    return f"spectrograms/{recording_id}/{parameters_id}/{image}.png"


def tiles_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of the tiles that were stored together."""
    return f"spectrograms/{recording_id}/{parameters_id}/pyramid.tiles"


def waveform_key(recording_id: str) -> str:
    """Return the key of a recording's waveform."""
    return f"waveforms/{recording_id}/waveform.png"


def peaks_key(recording_id: str, zoom: int, form: str) -> str:
    """Return the key of a recording's peaks at one zoom, `json` or `dat`."""
    return f"waveforms/{recording_id}/peaks-{zoom}.{form}"


def region_key(recording_id: str, region_id: str) -> str:
    """Return the key of a region that was drawn for a reader."""
    return f"regions/{recording_id}/{region_id}.png"


def manifest_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of a manifest."""
    return f"manifests/{recording_id}/{parameters_id}.json"
