"""Versions of images: what an image's URL names, so that clients keep it for as long as they like."""

import hashlib

from contracts.documents import StoredImage, TaskDocument


def image_version(task: TaskDocument, image: StoredImage) -> str:
    """Return what is another for every rendering: of its parameters, of the run that made it, of its size."""
    return hashlib.sha256(f"{task.parameters_id}/{task.fence}/{image.size_bytes}".encode()).hexdigest()[:12]
