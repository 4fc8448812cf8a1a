import asyncio

import pytest

from chassis.background import background


async def test_work_goes_on_until_the_block_ends() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async with background(_for_ever(begun, ended)):
        await begun.wait()
        assert not ended.is_set()

    assert ended.is_set()


async def test_work_that_stops_by_an_error_ends_the_block() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    with pytest.raises(ExceptionGroup) as failure:
        async with background(_broken(begun), _for_ever(begun, ended)):
            await asyncio.Event().wait()

    assert failure.group_contains(ZeroDivisionError)
    assert ended.is_set()


async def _for_ever(begun: asyncio.Event, ended: asyncio.Event) -> None:
    begun.set()
    try:
        await asyncio.Event().wait()
    finally:
        ended.set()


async def _broken(begun: asyncio.Event) -> None:
    await begun.wait()
    raise ZeroDivisionError
