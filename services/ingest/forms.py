"""The recording inside a request's body, as a stream: the body itself, or the `file` part of a form."""

import re
import unicodedata
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import unquote

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from chassis.errors import UnprocessableError

FIELD = "file"
NAME_LENGTH = 200
UNNAMED = "recording"

_EXTENDED_NAME = re.compile(r";\s*filename\*=(?P<charset>utf-8|iso-8859-1)'[^']*'(?P<name>[^;\s]+)", re.IGNORECASE)


class MalformedFormError(UnprocessableError):
    """The form cannot be read."""

    code = "malformed_form"
    next_step = 'Send the recording as the field "file" of a multipart/form-data body, or as the body itself.'

    def __init__(self, reason: str) -> None:
        super().__init__(reason)

    def __str__(self) -> str:
        return f"The form cannot be read: {self.args[0]}."


@dataclass(frozen=True)
class NamedStream:
    """The bytes of a recording and the name its sender gave it."""

    name: str
    chunks: AsyncIterator[bytes]


async def open_body(content_type: str, name: str | None, body: AsyncIterator[bytes]) -> NamedStream:
    """Return the recording in `body`; of a form, only the part named `file` is read."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != "multipart/form-data":
        return NamedStream(clean_name(name), body)
    if not options.get("boundary"):
        raise MalformedFormError("it names no boundary")
    form = _Form(options["boundary"], body)
    part = await form.next_part()
    return NamedStream(clean_name(name or _filename(part)), form.payload())


def clean_name(name: str | None) -> str:
    """Return a name fit to show: no folders, no control characters, not longer than 200."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    return shown[:NAME_LENGTH] or UNNAMED


def _filename(part: MultipartSegment) -> str | None:
    # Some clients write a name beyond ASCII as RFC 5987 says, which the parser passes over.
    extended = _EXTENDED_NAME.search(str(part.header("Content-Disposition")))
    return unquote(extended["name"], extended["charset"]) if extended else cast("str | None", part.filename)


class _Form:
    def __init__(self, boundary: str, body: AsyncIterator[bytes]) -> None:
        self._parser = PushMultipartParser(boundary, max_segment_count=16)
        self._events = self._parse(body)

    async def next_part(self) -> MultipartSegment:
        async for event in self._events:
            if isinstance(event, MultipartSegment) and event.name == FIELD:
                return event
        raise MalformedFormError(f'there is no field "{FIELD}" in it')

    async def payload(self) -> AsyncIterator[bytes]:
        async for event in self._events:
            if event is None:
                break
            if isinstance(event, (bytes, bytearray)):
                yield bytes(event)
        # The rest is read so that the client can finish sending and see the answer.
        async for _ in self._events:
            pass

    async def _parse(self, body: AsyncIterator[bytes]) -> AsyncIterator[MultipartSegment | bytes | bytearray | None]:
        try:
            async for chunk in body:
                if chunk and not self._parser.closed:
                    for event in self._parser.parse(chunk):
                        yield event
            self._parser.close()
        except MultipartError as error:
            raise MalformedFormError(str(error)) from error
