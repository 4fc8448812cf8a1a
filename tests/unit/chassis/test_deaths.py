import pytest

from chassis.deaths import is_forged, without_deaths

TOLD = {"count": 1, "queue": "analysis.work.bulk", "reason": "rejected", "exchange": "dawnchorus.events"}


@pytest.mark.parametrize("deaths", [[], [TOLD], [TOLD, TOLD]])
def test_what_the_broker_tells_is_believed(deaths: list[object]) -> None:
    assert not is_forged({"x-death": deaths})


@pytest.mark.parametrize("deaths", ["once", 1, ["once"], [{}], [{**TOLD, "queue": 1}], [TOLD, "twice"], {"queue": "x"}])
def test_what_a_sender_made_up_is_not(deaths: object) -> None:
    assert is_forged({"x-death": deaths})


def test_a_message_that_never_died_tells_nothing() -> None:
    assert not is_forged({})


def test_deaths_are_left_behind_and_all_else_is_kept() -> None:
    ours = {"ce-id": "1", "traceparent": "2", "x-attempt": 3, "x-replay": "4"}
    brokers = {"x-death": [TOLD], "x-delivery-count": 1, "x-first-death-queue": "a", "x-last-death-reason": "b"}

    assert without_deaths({**ours, **brokers}) == ours
