import pickle

import pytest

from audio.errors import AudioError
from chassis.broker import BrokerDownError
from chassis.documents import DatabaseDownError
from chassis.errors import (
    BrokerUnavailableError,
    DawnchorusError,
    JobCrashedError,
    JobTimeoutError,
    LeaseHeldError,
    ObjectCorruptError,
    ObjectMissingError,
    ObjectStoreError,
    OpenBreakerError,
    SlotsTakenError,
    TransientError,
    UnprocessableError,
)
from chassis.faults import fault_of
from chassis.gate import WaitedEnoughError
from chassis.s3 import ObjectStoreDownError
from contracts.envelope import MalformedEventError
from services.ingest.forms import MalformedFormError

EVERY_ERROR = [
    BrokerUnavailableError("no confirm"),
    LeaseHeldError("recording/parameters"),
    SlotsTakenError(),
    JobCrashedError("exit code 11"),
    JobTimeoutError(300.0),
    ObjectStoreError("GetObject", "audio/1/original", "timed out"),
    ObjectMissingError("GetObject", "audio/1/original", "no such key"),
    ObjectCorruptError("audio/1/original"),
    WaitedEnoughError("s3"),
    MalformedFormError("it names no boundary"),
]


@pytest.mark.parametrize("error", [*EVERY_ERROR, MalformedEventError("no id")], ids=lambda error: type(error).__name__)
def test_an_error_survives_the_way_between_processes(error: Exception) -> None:
    arrived = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert arrived.args == error.args


@pytest.mark.parametrize("kind", [DatabaseDownError, ObjectStoreDownError, BrokerDownError])
def test_what_was_not_even_asked_says_when_to_ask_again(kind: type[OpenBreakerError]) -> None:
    error = pickle.loads(pickle.dumps(kind(2.3)))  # noqa: S301 (our own bytes)

    assert (error.retry_after_s, error.is_outage, kind(0).retry_after_s) == (3, True, 1)
    assert str(error) == f"A server is down ({kind.code}): nothing is sent to it for 2.3 s."


def test_every_error_has_a_code_of_its_own() -> None:
    assert len({error.code for error in EVERY_ERROR}) == len(EVERY_ERROR)


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_an_error_says_a_whole_sentence_with_its_facts(error: DawnchorusError) -> None:
    assert str(error).endswith(".")
    assert str(error)[0].isupper() or str(error).startswith("GetObject")
    assert error.next_step.endswith(".")


def test_no_error_is_both_passing_and_permanent() -> None:
    classes = _descendants(DawnchorusError)

    assert [each for each in classes if issubclass(each, TransientError) and issubclass(each, UnprocessableError)] == []


def test_what_a_recording_makes_impossible_is_not_tried_again() -> None:
    assert issubclass(AudioError, UnprocessableError)


def test_a_fault_tells_what_the_error_tells() -> None:
    error = MalformedFormError("it names no boundary")

    fault = fault_of(error)

    assert (fault.code, fault.sentence, fault.next_step) == (error.code, str(error), error.next_step)


def _descendants(cls: type[DawnchorusError]) -> list[type[DawnchorusError]]:
    return [each for child in cls.__subclasses__() for each in (child, *_descendants(child))]
