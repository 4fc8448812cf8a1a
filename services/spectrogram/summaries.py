"""What documents and events say of an image."""

from dataclasses import asdict

from contracts.documents import StoredImage
from contracts.events import ImageSummary

from .image import Image


def stored_image(key: str, image: Image) -> StoredImage:
    """Return what the document of a task keeps of an image that is stored at `key`."""
    return StoredImage(key=key, size_bytes=len(image.png), geometry=asdict(image.geometry))


def image_summary(name: str, image: Image) -> ImageSummary:
    """Return what an event tells of an image."""
    geometry = image.geometry
    return ImageSummary(
        name=name,
        width=geometry.width,
        height=geometry.height,
        seconds_per_px=geometry.seconds_per_px,
        hz_per_px=geometry.hz_per_px,
        f_min_hz=geometry.f_min_hz,
        f_max_hz=geometry.f_max_hz,
        scale=geometry.scale,
        size_bytes=len(image.png),
    )
