"""The door for recordings in parts; the gateway is the only one who comes through it."""

from typing import Any

from litestar import delete, get, post

from contracts.documents import UploadDocument
from contracts.uploading import PartNumbers, UploadOrder

from .parts import PartDesk
from .room import Room
from .routes import problem_of
from .uploads import RejectedError


@post("/uploads", status_code=201)
async def begin_upload(parts: PartDesk, room: Room, data: UploadOrder) -> UploadDocument:
    """Begin a recording that comes in parts; what was begun may be completed, whatever room there is."""
    room.check(data.upload.size_bytes)
    return await parts.begin(data)


@get("/uploads/{upload_id:str}/parts")
async def stored_parts(parts: PartDesk, upload_id: str) -> list[int]:
    """Return the numbers of the parts that are there."""
    return [each.number for each in await parts.stored(upload_id)]


@post("/uploads/{upload_id:str}/urls", status_code=200)
async def part_urls(parts: PartDesk, upload_id: str, data: PartNumbers) -> list[str]:
    """Return where to put these parts."""
    return await parts.urls(upload_id, data.numbers)


@post("/uploads/{upload_id:str}/complete", status_code=200)
async def complete_upload(parts: PartDesk, upload_id: str) -> dict[str, Any]:
    """Make a recording of the parts."""
    try:
        return await parts.complete(upload_id)
    except RejectedError as error:
        raise problem_of(error) from error


@delete("/uploads/{upload_id:str}")
async def abort_upload(parts: PartDesk, upload_id: str) -> None:
    """Give it up."""
    await parts.abort(upload_id)
