"""Object keys in S3: made of server-made ids alone, so that writing twice writes the same object."""


def audio_key(recording_id: str) -> str:
    """Return the key of a recording's bytes, as they came."""
    return f"audio/{recording_id}/original"


def image_key(recording_id: str, parameters_id: str, image: str) -> str:
    """Return the key of one image."""
    return f"spectrograms/{recording_id}/{parameters_id}/{image}.png"


def manifest_key(recording_id: str, parameters_id: str) -> str:
    """Return the key of a manifest."""
    return f"manifests/{recording_id}/{parameters_id}.json"
