from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest

from audio.decode import AudioLimits, open_audio
from audio.errors import EmptyRecordingError
from audio.format import Container, reads_in_order
from chassis.errors import ObjectCorruptError, ObjectStoreError
from chassis.ranged import STREAMED_FROM_BYTES, RemoteObject, StreamedObject, opened_source
from chassis.workbench import Workbench
from tests.fakes import Bench
from tests.formats import KINDS, RATE_HZ
from tests.muxing import Signal
from tests.ranges import RangeServer, range_server
from tests.unit.audio.decoding import exhaust

from .errands import Errand, carry_out, sha256

BLOCK = 1000
BODY = np.random.default_rng(1).bytes(10 * BLOCK + 345)
_CHOICES = [("large", True, True), ("large", False, True), ("large", True, False), ("small", True, True)]
_IN_ORDER = [name for name, kind in KINDS.items() if reads_in_order(kind.container)]


def test_what_is_read_in_order_is_one_answer() -> None:
    with range_server(BODY) as server, _streamed(server) as stream:
        assert stream.read(10) == BODY[:10]
        assert stream.readall() == BODY[10:]
        stream.finish()

    assert server.asked == [(0, len(BODY) - 1)]


@pytest.mark.parametrize("places", [[10_300, 0, 5000], [5000, 4000, 9000, 0], list(range(10_000, 0, -700))])
def test_in_whatever_order_it_is_read_its_hash_is_that_of_the_bytes_in_order(places: list[int]) -> None:
    with range_server(BODY) as server, _streamed(server) as stream:
        for place in places:
            stream.seek(place)
            assert stream.read(1500) == BODY[place : place + 1500]
        stream.finish()


def test_a_look_at_the_end_is_one_range_more() -> None:
    with range_server(BODY) as server, _streamed(server) as stream:
        for place in (0, len(BODY) - 20, 0):
            stream.seek(place)
            assert stream.read(20) == BODY[place : place + 20]
        assert stream.read() == BODY[20:]
        stream.finish()

    assert server.asked == [(0, len(BODY) - 1), (10 * BLOCK, len(BODY) - 1)]


@pytest.mark.parametrize("wrong", [0, 4999, len(BODY) - 1])
def test_another_object_than_was_meant_is_corrupt_at_the_end(wrong: int) -> None:
    body = bytearray(BODY)
    body[wrong] ^= 1

    with (
        range_server(bytes(body)) as server,
        _streamed(server, meant=BODY) as stream,
        pytest.raises(ObjectCorruptError),
    ):
        stream.finish()


def test_what_a_corrupt_object_made_a_decoder_say_is_not_believed() -> None:
    with range_server(BODY) as server:
        with pytest.raises(ObjectCorruptError), opened_source(_remote(server, meant=b"another")):
            raise EmptyRecordingError
        with pytest.raises(EmptyRecordingError), opened_source(_remote(server, meant=BODY)):
            raise EmptyRecordingError


@pytest.mark.parametrize("after", [0, 10, 3 * BLOCK, 3 * BLOCK + 1])
def test_an_answer_that_breaks_off_goes_on_from_there(after: int) -> None:
    with range_server(BODY) as server, _streamed(server) as stream:
        server.breaks = {0: after}
        assert stream.readall() == BODY
        stream.finish()

    assert server.asked == [(0, len(BODY) - 1), (after // BLOCK * BLOCK, len(BODY) - 1)]


def test_a_server_that_breaks_off_twice_is_a_passing_failure_of_storage() -> None:
    with range_server(BODY) as server, _streamed(server) as stream:
        server.breaks = {0: 2500, 1: 0}
        with pytest.raises(ObjectStoreError):
            stream.readall()


@pytest.mark.parametrize("container", ["wav", "flac"])
def test_a_failure_of_storage_comes_through_the_decoder(tmp_path: Path, container: str) -> None:
    kind = {"wav": "WAV PCM_16", "flac": "FLAC 16"}[container]
    body = KINDS[kind].write(tmp_path / "noise", _noise(), RATE_HZ).read_bytes()

    with range_server(body) as server, _streamed(server, block_bytes=10_000) as stream:
        server.breaks = {0: 400_000, 1: 0, 2: 0}
        with open_audio(cast("BinaryIO", stream), Container(container), AudioLimits()) as sound:
            with pytest.raises(ObjectStoreError):
                exhaust(sound)
            assert sound.decoded_frames > RATE_HZ


@pytest.mark.parametrize("name", _IN_ORDER)
def test_what_is_said_to_be_read_in_order_is_one_answer(tmp_path: Path, name: str) -> None:
    body = KINDS[name].write(tmp_path / "noise", _noise(), RATE_HZ).read_bytes()
    with range_server(body) as server, _streamed(server, block_bytes=len(body) // 50) as stream:
        with open_audio(cast("BinaryIO", stream), KINDS[name].container, AudioLimits()) as sound:
            streamed = np.concatenate(list(sound.blocks()))
        stream.finish()

    with open_audio(tmp_path / "noise", KINDS[name].container, AudioLimits()) as sound:
        np.testing.assert_array_equal(streamed, np.concatenate(list(sound.blocks())))
    whole, *elsewhere = server.asked
    assert whole == (0, len(body) - 1)
    assert len(elsewhere) <= 2


async def test_a_large_recording_stays_where_it_is_and_a_small_one_is_copied(bench: Bench) -> None:
    large = bytes(STREAMED_FROM_BYTES)
    bench.objects.stored |= {"large": large, "small": b"few"}
    given: list[Path | RemoteObject] = []

    async def take(workbench: Workbench) -> None:
        for key, in_order, is_known in _CHOICES:
            body = bench.objects.stored[key]
            size_bytes = len(body) if is_known else None
            given.append(await workbench.source(key, sha256(body), size_bytes=size_bytes, in_order=in_order))

    await carry_out(bench, Errand(take))

    remote, *copies = given
    assert isinstance(remote, RemoteObject)
    assert (remote.key, remote.size_bytes, remote.sha256) == ("large", len(large), sha256(large))
    assert all(isinstance(each, Path) for each in copies)


def _streamed(server: RangeServer, block_bytes: int = BLOCK, meant: bytes | None = None) -> StreamedObject:
    return StreamedObject(_remote(server, server.body if meant is None else meant), block_bytes=block_bytes)


def _remote(server: RangeServer, meant: bytes) -> RemoteObject:
    return RemoteObject("key", server.url, len(server.body), sha256(meant))


def _noise() -> Signal:
    return np.random.default_rng(2).uniform(-0.3, 0.3, (4 * RATE_HZ, 2)).astype(np.float32)
