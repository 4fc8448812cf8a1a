"""Streams of bytes, in pieces of the size that S3 takes as a part."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

# S3 refuses smaller parts, all but the last.
PART_BYTES = 8 * 1024 * 1024


async def chunks_of(path: Path) -> AsyncIterator[bytes]:
    """Read a file in pieces."""
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, PART_BYTES):
            yield chunk


async def next_part(chunks: AsyncIterator[bytes]) -> bytearray:
    """Return as many chunks as make a part; fewer, or none, at the end."""
    part = bytearray()
    async for chunk in chunks:
        part += chunk
        if len(part) >= PART_BYTES:
            break
    return part
