"""One reading for all who ask before it begins."""

import asyncio

import pytest

from services.reporting.kept.together import Together


async def test_who_asks_while_a_reading_runs_gets_the_next_one() -> None:
    """He may have heard of something that the running one has not seen."""
    begun: list[int] = []
    go_on = [asyncio.Event() for _ in range(2)]

    async def read() -> int:
        number = len(begun)
        begun.append(number)
        await go_on[number].wait()
        return number

    together = Together(read)
    first = [asyncio.create_task(together.get()) for _ in range(3)]
    while not begun:
        await asyncio.sleep(0)
    later = [asyncio.create_task(together.get()) for _ in range(3)]
    first[0].cancel()  # one who goes away ends nothing
    await asyncio.sleep(0)
    for each in go_on:
        each.set()
    assert await asyncio.gather(*first[1:]) == [0, 0]
    assert await asyncio.gather(*later) == [1, 1, 1]
    assert begun == [0, 1]


async def test_an_error_reaches_all_who_wait_and_nobody_after() -> None:
    """The next reading is a new one."""
    answers = iter([False, True])

    async def read() -> str:
        await asyncio.sleep(0)
        if not next(answers):
            raise ConnectionError
        return "here"

    together = Together(read)
    found = await asyncio.gather(together.get(), together.get(), return_exceptions=True)
    assert [type(each) for each in found] == [ConnectionError, ConnectionError]
    assert await together.get() == "here"


@pytest.mark.parametrize("waiting", [1, 5])
async def test_nothing_is_read_for_nobody(waiting: int) -> None:
    """One reading for those who came together."""
    count = 0

    async def read() -> int:
        nonlocal count
        count += 1
        return count

    together = Together(read)
    assert await asyncio.gather(*(together.get() for _ in range(waiting))) == [1] * waiting
