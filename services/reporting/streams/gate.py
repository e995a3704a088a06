"""How many answers are open at once, of all subscribers and of each."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from shared.observability.metrics import STREAM_CONNECTIONS
from shared.web.problems import Message, Problem


class Gate:
    """Counts them. Whoever finds no room is told so at once: nothing waits."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._open: Counter[UUID] = Counter()

    @property
    def open(self) -> int:
        """How many there are."""
        return self._open.total()

    @contextmanager
    def entered(self, subscriber: UUID) -> Iterator[None]:
        """One more answer, until the end of the block. Raises a 429 or 503 problem."""
        if self._open[subscriber] >= self._most_of_one:
            detail = Message(
                f"เปิดพร้อมกันได้ไม่เกิน {self._most_of_one} รายการ",
                f"You have {self._most_of_one} answers open already, the most there may be",
            )
            raise Problem(429, "too_many_open", detail=detail, headers={"Retry-After": "5"})
        if self.open >= self._most:
            raise busy()
        self._open[subscriber] += 1
        STREAM_CONNECTIONS.set(self.open)
        try:
            yield
        finally:
            self._open[subscriber] -= 1
            if not self._open[subscriber]:
                del self._open[subscriber]
            STREAM_CONNECTIONS.set(self.open)


def busy() -> Problem:
    """What is answered when others have everything."""
    detail = Message("มีผู้รับข้อมูลมากเกินไป โปรดรอสักครู่", "Too many subscribers are reading, please wait a moment")
    return Problem(503, "streams_busy", detail=detail, headers={"Retry-After": "5"})
