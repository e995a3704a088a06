"""What Kafka knows of its users, on aiokafka's protocol layer: quotas, for which no client library for Python has a
request, and who has a password, for which librdkafka has one that ends the process (2.16: `munmap_chunk(): invalid
pointer`) when Kafka refuses it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from enum import IntEnum
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Array,
    Boolean,
    CompactArray,
    CompactString,
    Float64,
    Int8,
    Int16,
    Int32,
    Schema,
    String,
    TaggedFields,
)

from shared.kafka.settings import KafkaSettings

USER: Final = "user"


class Mechanism(IntEnum):
    """By which somebody signs in, by Kafka's numbers."""

    SCRAM_SHA_256 = 1
    SCRAM_SHA_512 = 2


_NAMED: Final = 2
"""Every entity that has a name, as against the default for all."""
_TEXT: Final = String("utf-8")
_COMPACT: Final = CompactString("utf-8")
_ENTITY: Final = Array(("entity_type", _TEXT), ("entity_name", _TEXT))


class _Described(Response):  # type: ignore[misc]  # aiokafka has no annotations that mypy reads
    API_KEY = 48
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", _TEXT),
        ("entries", Array(("entity", _ENTITY), ("values", Array(("key", _TEXT), ("value", Float64))))),
    )


class _DescribeStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 48
    API_VERSION = 0
    RESPONSE_TYPE = _Described
    SCHEMA = Schema(
        ("components", Array(("entity_type", _TEXT), ("match_type", Int8), ("match", _TEXT))), ("strict", Boolean)
    )


class _Describe(Request[_DescribeStruct]):  # type: ignore[misc]
    API_KEY = 48

    def build(self, request_struct_class: type[_DescribeStruct]) -> _DescribeStruct:
        return request_struct_class([(USER, _NAMED, None)], True)


class _Altered(Response):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("entries", Array(("error_code", Int16), ("error_message", _TEXT), ("entity", _ENTITY))),
    )


class _AlterStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 49
    API_VERSION = 0
    RESPONSE_TYPE = _Altered
    SCHEMA = Schema(
        (
            "entries",
            Array(("entity", _ENTITY), ("ops", Array(("key", _TEXT), ("value", Float64), ("remove", Boolean)))),
        ),
        ("validate_only", Boolean),
    )


class _Alter(Request[_AlterStruct]):  # type: ignore[misc]
    API_KEY = 49

    def __init__(self, entries: list[Any]) -> None:
        self._entries = entries

    def build(self, request_struct_class: type[_AlterStruct]) -> _AlterStruct:
        return request_struct_class(self._entries, False)


class _Known(Response):  # type: ignore[misc]
    API_KEY = 50
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("error_message", _COMPACT),
        (
            "results",
            CompactArray(
                ("user", _COMPACT),
                ("error_code", Int16),
                ("error_message", _COMPACT),
                ("credentials", CompactArray(("mechanism", Int8), ("iterations", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _WhoStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 50
    API_VERSION = 0
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Known
    SCHEMA = Schema(("users", CompactArray(("name", _COMPACT), ("tags", TaggedFields))), ("tags", TaggedFields))


class _Who(Request[_WhoStruct]):  # type: ignore[misc]
    API_KEY = 50

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[_WhoStruct]) -> _WhoStruct:
        return request_struct_class([(name, {}) for name in self._names] or None, {})


class Users:
    """What is asked and said over one connection. Everything raises `aiokafka.errors.KafkaError`."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    async def credentials(self, *names: str) -> dict[str, frozenset[Mechanism]]:
        """By which mechanisms each user that has a password can sign in; everybody's, unless some are named, all of
        whom need have one. Who may not ask for everybody's gets no answer from Kafka 4.3 and a time-out here."""
        answer = await self._send(_Who(names))
        _check(answer.error_code, answer.error_message)
        found: dict[str, frozenset[Mechanism]] = {}
        for user, code, message, credentials, _ in answer.results:
            _check(code, message)
            found[user] = frozenset(Mechanism(mechanism) for mechanism, _, _ in credentials)
        return found

    async def quotas(self) -> dict[str, dict[str, float]]:
        """The quotas of every user that has some of its own, by user and name."""
        answer = await self._send(_Describe())
        _check(answer.error_code, answer.error_message)
        return {entity[0][1]: dict(values) for entity, values in answer.entries or []}

    async def set_quotas(self, changes: Mapping[str, Mapping[str, float | None]]) -> None:
        """Set quotas by user and name; None takes one away. consumer_byte_rate and producer_byte_rate are bytes a
        second, request_percentage is per cent of one thread's time, each per broker."""
        if not changes:
            return
        entries = [
            ([(USER, user)], [(name, value or 0.0, value is None) for name, value in values.items()])
            for user, values in changes.items()
        ]
        answer = await self._send(_Alter(entries))
        for code, message, _ in answer.entries:
            _check(code, message)

    async def _send(self, request: Any) -> Any:
        return await self._client.send(self._client.get_random_node(), request)


@asynccontextmanager
async def users(settings: KafkaSettings) -> AsyncIterator[Users]:
    """A connection for as long as the block lasts."""
    client = AIOKafkaClient(**settings.for_aiokafka())
    try:
        await client.bootstrap()
        yield Users(client)
    finally:
        await client.close()


def _check(code: int, message: str | None) -> None:
    if code:
        raise for_code(code)(message)
