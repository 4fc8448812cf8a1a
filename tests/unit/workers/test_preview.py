import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

import chassis.workbench
import services.spectrogram.job
import services.spectrogram.preview
from audio.errors import NotDecodableError
from chassis.errors import JobTimeoutError
from chassis.work import Worker
from contracts.documents import SpectrogramDocument
from contracts.envelope import Envelope, from_message
from contracts.events import SpectrogramPreviewed, SpectrogramRequested
from contracts.objects import audio_key, first_look_key
from contracts.rendering import RenderParameters
from contracts.vocabulary import Lane, State
from services.spectrogram.settings import SpectrogramSettings
from services.spectrogram.work import SpectrogramWork
from tests.audio import tone, write
from tests.fakes import Bench, InlinePool
from tests.ranges import range_server
from tests.unit.workers.doing import NOW, RECORDING, SERVERS, done

RATE_HZ = 8000
PARAMETERS = RenderParameters()

T = TypeVar("T")


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Two minutes of a tone."""
    path = tmp_path_factory.mktemp("minutes") / "tone.wav"
    return write(path, tone(duration_s=120, rate_hz=RATE_HZ), RATE_HZ).read_bytes()


async def test_a_first_look_is_announced_before_the_images(minutes: bytes) -> None:
    bench = _bench()

    document = await _done(bench, minutes)

    key = first_look_key(RECORDING, PARAMETERS.parameters_id)
    assert [each.type for each in _announced(document)] == ["spectrogram.previewed.v1", "spectrogram.completed.v1"]
    assert document.first_look is not None
    assert (document.first_look.key, document.first_look.approximate) == (key, True)
    assert bench.objects.stored[key].startswith(b"\x89PNG")
    assert document.timings_s["first_look"] >= 0


async def test_the_announced_look_is_the_stored_one(minutes: bytes) -> None:
    document = await _done(_bench(), minutes)

    event = _announced(document)[0].event
    assert isinstance(event, SpectrogramPreviewed)
    assert document.first_look is not None
    geometry = document.first_look.geometry
    assert (event.image.width, event.image.height) == (geometry["width"], geometry["height"]) == (240, 200)
    assert event.image.size_bytes == document.first_look.size_bytes
    assert event.image.seconds_per_px * event.image.width == pytest.approx(120)
    assert event.parameters_id == PARAMETERS.parameters_id


async def test_a_redelivery_repeats_the_same_look(minutes: bytes) -> None:
    one, two = await _done(_bench(), minutes), await _done(_bench(), minutes)

    assert [each.id for each in _announced(one)] == [each.id for each in _announced(two)]
    assert one.first_look == two.first_look


@pytest.mark.parametrize(
    "facts", [{"lane": Lane.BULK}, {"duration_claimed_s": 59.9}], ids=["nobody waits", "it would not be sooner"]
)
async def test_no_look_is_taken_where_it_serves_nobody(minutes: bytes, facts: dict[str, Any]) -> None:
    document = await _done(_bench(), minutes, **facts)

    assert document.state is State.COMPLETED
    assert document.first_look is None
    assert [each.type for each in _announced(document)] == ["spectrogram.completed.v1"]


async def test_a_wish_to_see_a_recording_in_another_way_has_no_first_look(minutes: bytes) -> None:
    bench = _bench()
    bench.objects.stored[audio_key(RECORDING)] = minutes
    asked = SpectrogramRequested(
        recording_id=RECORDING,
        project_id="default",
        sha256=hashlib.sha256(minutes).hexdigest(),
        container="wav",
        duration_claimed_s=120,
        parameters=PARAMETERS,
        requested_at=NOW,
    )
    work = SpectrogramWork(SpectrogramSettings(**SERVERS), PARAMETERS, requested=True)

    await Worker(bench.equipment("spectrogram"), work).carry_out(asked, NOW)

    assert [each.type for each in _announced(_document(bench))] == ["spectrogram.completed.v1"]


@pytest.mark.parametrize("error", [NotDecodableError("wav", "an accident"), JobTimeoutError(15)])
async def test_a_look_that_cannot_be_taken_is_left_out(
    minutes: bytes, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(services.spectrogram.preview, "look_at", _raising(error))

    document = await _done(_bench(), minutes)

    assert document.state is State.COMPLETED
    assert document.first_look is None
    assert "first_look" not in document.timings_s


async def test_a_defect_of_ours_is_told_to_the_operators_and_costs_no_images(
    minutes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services.spectrogram.preview, "look_at", _raising(ZeroDivisionError()))

    with capture_logs() as logs:
        document = await _done(_bench(), minutes)

    assert document.state is State.COMPLETED
    assert document.first_look is None
    assert [each["log_level"] for each in logs if each["event"] == "first_look_crashed"] == ["error"]


async def test_images_that_are_ready_wait_for_no_look(minutes: bytes) -> None:
    hanging = HangingLooks()

    document = await asyncio.wait_for(_done(_bench(hanging), minutes), timeout=10)

    assert document.state is State.COMPLETED
    assert document.first_look is None
    assert hanging.looks == ["begun"]
    hanging.end.set()
    await _settle()
    assert hanging.looks == ["begun", "ended"]


async def test_a_look_waits_for_the_slot_of_looks_and_takes_no_other(minutes: bytes) -> None:
    slot, pool = asyncio.Semaphore(1), HangingLooks()

    first = await asyncio.wait_for(_done(_bench(pool), minutes, slot=slot), timeout=10)
    second = await asyncio.wait_for(_done(_bench(pool), minutes, slot=slot), timeout=10)

    assert (first.state, second.state) == (State.COMPLETED, State.COMPLETED)
    assert pool.looks == ["begun"]
    pool.end.set()
    await _settle()
    assert not slot.locked()


async def test_a_recording_that_fails_meanwhile_fails_as_ever(minutes: bytes) -> None:
    document = await _done(_bench(), minutes[:44])

    assert document.state is State.FAILED
    assert document.error is not None
    assert document.error.code == "empty"


async def test_a_large_object_that_is_read_in_order_is_looked_at_and_drawn_where_it_lies(
    minutes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _bench()
    monkeypatch.setattr(chassis.workbench, "STREAMED_FROM_BYTES", 1000)

    with range_server(minutes) as server:

        async def presigned_url(key: str, lifetime_s: int) -> str:
            return server.url

        monkeypatch.setattr(bench.objects, "presigned_url", presigned_url)
        document = await _done(bench, minutes)

    assert document.state is State.COMPLETED
    assert document.first_look is not None
    assert "fetch" not in document.timings_s
    assert server.asked.count((0, len(minutes) - 1)) == 1
    assert len(server.asked) > 1


async def test_a_look_that_comes_after_another_worker_took_over_counts_for_nothing(
    minutes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = _bench()
    look = services.spectrogram.job.look_at

    def overtaken(*arguments: Any) -> Any:
        next(iter(bench.tasks.documents.values()))["fence"] += 1
        return look(*arguments)

    monkeypatch.setattr(services.spectrogram.preview, "look_at", overtaken)

    document = await _done(bench, minutes)

    assert (document.first_look, document.outbox) == (None, ())


def _raising(error: Exception) -> Callable[..., None]:
    def fail(*_: Any) -> None:
        raise error

    return fail


class UnhurriedImages(InlinePool):
    """Draws images when everything else waits, as they take longer than a look."""

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:
        if function is services.spectrogram.job.render_recording:
            await _settle()
        return await super().run(function, *arguments, timeout_s=timeout_s)


class HangingLooks(UnhurriedImages):
    """Ends no look before it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[str] = []
        self.end = asyncio.Event()

    async def run(self, function: Callable[..., T], *arguments: Any, timeout_s: float) -> T:
        if function is services.spectrogram.job.look_at:
            self.looks.append("begun")
            await self.end.wait()
            self.looks.append("ended")
        return await super().run(function, *arguments, timeout_s=timeout_s)


async def _settle() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def _bench(pool: InlinePool | None = None) -> Bench:
    bench = Bench()
    bench.pools[Lane.INTERACTIVE] = pool or UnhurriedImages()
    return bench


async def _done(
    bench: Bench, body: bytes, *, slot: asyncio.Semaphore | None = None, **facts: Any
) -> SpectrogramDocument:
    work = SpectrogramWork(SpectrogramSettings(**SERVERS), PARAMETERS, requested=False, look_slot=slot)
    document = await done(bench, work, body, **{"rate_hz": RATE_HZ, "duration_claimed_s": 120.0, **facts})
    assert isinstance(document, SpectrogramDocument)
    return document


def _document(bench: Bench) -> SpectrogramDocument:
    [(task_id, document)] = bench.tasks.documents.items()
    return SpectrogramDocument.model_validate({**document, "_id": task_id, "lease_until": None, "created_at": NOW})


def _announced(document: SpectrogramDocument) -> list[Envelope]:
    return [from_message(entry.headers, entry.body.encode()) for entry in document.outbox]
