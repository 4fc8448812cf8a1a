from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.forms import NAME_LENGTH, UNNAMED, MalformedFormError, NamedStream, clean_name, open_body

BOUNDARY = "----a1b2c3"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
# Whatever looks like the boundary, and is not, must pass.
AUDIO = b"RIFF\0\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n--\r\n" + bytes(range(256)) * 4


@given(data=st.data())
async def test_a_form_is_read_however_its_bytes_are_cut(data: st.DataObject) -> None:
    body = _form(_field("note", b"dawn"), _file(AUDIO, 'filename="dawn.wav"'), _field("after", b"words"))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=10)))
    chunks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    named = await open_body(CONTENT_TYPE, None, _source(*chunks))

    assert named.name == "dawn.wav"
    assert await _read(named) == AUDIO


async def test_a_form_that_comes_byte_by_byte_is_read() -> None:
    body = _form(_file(AUDIO, 'filename="dawn.wav"'))

    named = await open_body(CONTENT_TYPE, None, _source(*(body[at : at + 1] for at in range(len(body)))))

    assert await _read(named) == AUDIO


async def test_a_body_that_is_no_form_is_the_recording() -> None:
    named = await open_body("audio/flac", "dawn.flac", _source(b"one", b"two"))

    assert (named.name, await _read(named)) == ("dawn.flac", b"onetwo")


async def test_a_body_without_a_content_type_is_the_recording() -> None:
    named = await open_body("", None, _source(b"one"))

    assert (named.name, await _read(named)) == (UNNAMED, b"one")


async def test_what_comes_after_the_recording_is_read_to_its_end() -> None:
    reached_end = False

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal reached_end
        yield _form(_file(AUDIO, 'filename="a.wav"'), _field("after", b"words"))
        reached_end = True

    await _read(await open_body(CONTENT_TYPE, None, chunks()))

    assert reached_end


async def test_a_name_said_beside_the_form_is_the_name() -> None:
    body = _form(_file(AUDIO, 'filename="blob"'))

    assert (await open_body(CONTENT_TYPE, "dawn.wav", _source(body))).name == "dawn.wav"


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="dawn.wav"', "dawn.wav"),
        ("filename=dawn.wav", "dawn.wav"),
        ('filename="Zaunkönig.wav"', "Zaunkönig.wav"),
        ("filename*=UTF-8''Zaunk%C3%B6nig%20%231.wav", "Zaunkönig #1.wav"),
        ("filename=\"fallback.wav\"; filename*=UTF-8''Zaunk%C3%B6nig.wav", "Zaunkönig.wav"),
        ('filename="C:\\\\field\\\\dawn.wav"', "dawn.wav"),
        ('filename="../../etc/passwd"', "passwd"),
        ('filename=""', UNNAMED),
        ('x="y"', UNNAMED),
    ],
)
async def test_a_recording_is_named_as_its_sender_named_it(disposition: str, name: str) -> None:
    body = _form(_file(AUDIO, disposition))

    assert (await open_body(CONTENT_TYPE, None, _source(body))).name == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (None, UNNAMED),
        ("", UNNAMED),
        ("..", ".."),
        ("folder/", UNNAMED),
        ("a\r\nSet-Cookie: b", "aSet-Cookie: b"),
        ("\u202egpj.wav", "gpj.wav"),
        ("  dawn.wav  ", "dawn.wav"),
        ("x" * 500, "x" * NAME_LENGTH),
        ("鳥.wav", "鳥.wav"),
    ],
)
def test_a_name_is_fit_to_show(name: str | None, shown: str) -> None:
    assert clean_name(name) == shown


@given(st.text())
def test_no_name_holds_a_folder_or_a_control_character(name: str) -> None:
    cleaned = clean_name(name)

    assert 0 < len(cleaned) <= NAME_LENGTH
    assert not {"/", "\\", "\n", "\r", "\0", "\x1b"} & set(cleaned)
    cleaned.encode()


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"anything"),
        (CONTENT_TYPE, b""),
        (CONTENT_TYPE, b"no boundary at all"),
        (CONTENT_TYPE, f"--{BOUNDARY}--\r\n".encode()),
    ],
    ids=["no boundary named", "empty", "no boundary inside", "no field"],
)
async def test_a_form_that_cannot_be_read_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(MalformedFormError):
        await _read(await open_body(content_type, None, _source(body)))


async def test_a_form_without_the_field_file_says_what_is_missing() -> None:
    with pytest.raises(MalformedFormError, match='no field "file"') as refusal:
        await open_body(CONTENT_TYPE, None, _source(_form(_field("audio", AUDIO))))

    assert "multipart/form-data" in refusal.value.next_step


async def test_a_form_cut_off_in_the_middle_of_the_recording_is_no_recording() -> None:
    body = _form(_file(AUDIO, 'filename="a.wav"'))

    with pytest.raises(MalformedFormError):
        await _read(await open_body(CONTENT_TYPE, None, _source(body[: len(body) // 2])))


async def test_a_form_with_countless_fields_is_refused() -> None:
    body = _form(*[_field(f"f{number}", b"x") for number in range(1000)], _file(AUDIO, 'filename="a.wav"'))

    with pytest.raises(MalformedFormError):
        await open_body(CONTENT_TYPE, None, _source(body))


async def _source(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def _read(named: NamedStream) -> bytes:
    return b"".join([chunk async for chunk in named.chunks])


def _form(*parts: bytes) -> bytes:
    opened = b"".join(f"--{BOUNDARY}\r\n".encode() + part + b"\r\n" for part in parts)
    return opened + f"--{BOUNDARY}--\r\n".encode()


def _field(name: str, value: bytes) -> bytes:
    return f'Content-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value


def _file(content: bytes, disposition: str) -> bytes:
    head = f'Content-Disposition: form-data; name="file"; {disposition}\r\nContent-Type: audio/wav\r\n\r\n'
    return head.encode() + content
