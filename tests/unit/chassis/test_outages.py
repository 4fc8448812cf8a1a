import asyncio

import pytest

from chassis.errors import ObjectMissingError, ObjectStoreError
from chassis.gate import WaitedEnoughError
from chassis.guard import Dependency, Guard
from chassis.outages import MAX_OUTAGES
from chassis.work import MAX_ATTEMPTS
from chassis.workbench import Workbench
from contracts.vocabulary import State
from tests.component.polling import eventually
from tests.fakes import Bench
from tests.guarding import bring_back, take_away

from .errands import TASK, Errand, carry_out, raising

AWAY = ObjectStoreError("GetObject", "audio", "nobody answers")
MISSING = ObjectMissingError("GetObject", "audio", "no such key")


async def test_an_outage_costs_no_attempt(bench: Bench) -> None:
    for _ in range(2 * MAX_ATTEMPTS):
        with pytest.raises(ObjectStoreError):
            await carry_out(bench, Errand(raising(AWAY)))

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["attempts"], document["lease_until"]) == (State.QUEUED, 0, None)
    await carry_out(bench, Errand())
    assert (document["state"], document["attempts"]) == (State.COMPLETED, 1)


async def test_what_no_server_is_to_blame_for_costs_an_attempt(bench: Bench) -> None:
    with pytest.raises(ObjectMissingError):
        await carry_out(bench, Errand(raising(MISSING)))

    assert bench.tasks.documents[TASK]["attempts"] == 1


async def test_an_object_that_can_never_be_had_ends_its_task_too(bench: Bench) -> None:
    errand = Errand(raising(AWAY))
    for _ in range(MAX_OUTAGES + MAX_ATTEMPTS - 1):
        with pytest.raises(ObjectStoreError):
            await carry_out(bench, errand)

    await carry_out(bench, errand)

    document = bench.tasks.documents[TASK]
    assert (document["state"], document["error"]["code"]) == (State.FAILED, "poison")


@pytest.mark.parametrize("dependency", [Dependency.MONGODB, Dependency.S3])
async def test_nothing_is_claimed_while_a_server_is_down(bench: Bench, dependency: Dependency) -> None:
    bench.hold_s = 0.01
    take_away(bench.guards[dependency])
    errand = Errand()

    with pytest.raises(WaitedEnoughError):
        await carry_out(bench, errand)

    assert (errand.performed, bench.tasks.documents) == (0, {})


async def test_work_goes_on_while_the_broker_is_down(bench: Bench) -> None:
    take_away(bench.guards[Dependency.RABBITMQ])

    await carry_out(bench, Errand())

    assert bench.tasks.documents[TASK]["state"] is State.COMPLETED


async def test_what_is_done_when_the_database_goes_waits_for_it_rather_than_being_done_again(bench: Bench) -> None:
    mongodb = bench.guards[Dependency.MONGODB]

    async def take_database_away(_: Workbench) -> None:
        take_away(mongodb)

    errand = Errand(take_database_away)
    working = asyncio.create_task(carry_out(bench, errand))
    await eventually(lambda: _is_down(mongodb))
    state = bench.tasks.documents[TASK]["state"]
    await bring_back(mongodb)
    await asyncio.wait_for(working, 10)

    document = bench.tasks.documents[TASK]
    assert (state, document["state"], document["attempts"]) == (State.PROCESSING, State.COMPLETED, 1)
    assert errand.performed == 1


async def _is_down(guard: Guard) -> bool:
    return not guard.is_usable
