import pytest

from chassis.problems import ProblemError
from contracts.vocabulary import PRIORITY_MAX, Lane
from services.gateway.urgency import lane_of

URGENCY = [Lane.BULK, Lane.INTERACTIVE]


def test_a_higher_number_is_more_urgent() -> None:
    lanes = [lane_of(None, priority) for priority in range(PRIORITY_MAX + 1)]

    assert lanes == sorted(lanes, key=URGENCY.index)
    assert (lanes[0], lanes[-1]) == (Lane.BULK, Lane.INTERACTIVE)


def test_without_a_priority_the_lane_is_what_it_is_called() -> None:
    assert lane_of(Lane.BULK, None) is Lane.BULK
    assert lane_of(None, None, Lane.BULK) is Lane.BULK


def test_name_and_priority_may_not_disagree() -> None:
    with pytest.raises(ProblemError):
        lane_of(Lane.BULK, 9)
