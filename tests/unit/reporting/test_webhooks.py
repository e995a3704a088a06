"""Rules of webhooks: where they may go, how long they wait, and how they are signed."""

import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import httpcore
import pytest
from standardwebhooks import Webhook

from services.reporting.webhooks.addresses import AddressRefused, GuardedNetwork, is_permitted, refused
from services.reporting.webhooks.domain import LONGEST_RETRY, MOST_RETRY_AFTER, asked_to_wait, retry_in
from services.reporting.webhooks.signing import new_secret, signed_headers

NOW = datetime(2022, 2, 7, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),  # noqa: S104
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1", "fec0::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2001::1"),
    ],
)
def test_addresses_that_are_nobodys_in_public_are_refused(address: str) -> None:
    assert not is_permitted(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "203.150.1.1", "2606:4700::1111", "64:ff9b::101:101", "::ffff:1.1.1.1"])
def test_public_addresses_are_permitted(address: str) -> None:
    assert is_permitted(address)


def test_loopback_alone_can_be_allowed() -> None:
    assert is_permitted("127.0.0.1", allow_loopback=True)
    assert not is_permitted("10.0.0.1", allow_loopback=True)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("https://hospital.example/hook?a=b", None),
        ("https://hospital.example:8443/hook", None),
        ("http://hospital.example/hook", "not_https"),
        ("ftp://hospital.example/hook", "not_https"),
        ("https://hospital.example:22/", "port_refused"),
        ("https://hospital.example:99999/", "not_a_url"),
        ("https://user:secret@hospital.example/", "not_a_url"),
        ("https://hospital.example/#part", "not_a_url"),
        ("https://hospital.example/\r\nX: y", "not_a_url"),
        ("https://hospital.example\\@10.0.0.1/", "not_a_url"),
        ("https:///hook", "not_a_url"),
        ("https://127.0.0.1/hook", "address_refused"),
        ("https://[::1]/hook", "address_refused"),
        ("https://[::ffff:10.0.0.1]/hook", "address_refused"),
    ],
)
def test_urls(url: str, fault: str | None) -> None:
    assert refused(url, allow_loopback=False) == fault


class Names:
    """Answers in their turn; the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """The next answer."""
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize("addresses", [["10.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::1"], ["127.0.0.1"]])
async def test_one_bad_address_of_a_name_is_enough(addresses: Sequence[str]) -> None:
    network = GuardedNetwork(Names(addresses), allow_loopback=False)
    with pytest.raises(AddressRefused):
        await network.connect_tcp("hospital.example", 443, timeout=1)


async def test_a_name_is_asked_for_once_and_what_was_looked_at_is_connected_to() -> None:
    """A second answer, which leads elsewhere, is never asked for (DNS rebinding)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        network = GuardedNetwork(names, allow_loopback=True)
        stream = await network.connect_tcp("hospital.example", server.getsockname()[1], timeout=1)
        assert stream.get_extra_info("server_addr")[:2] == server.getsockname()
        await stream.aclose()
        assert names.asked == 1
        with pytest.raises(AddressRefused):
            await network.connect_tcp("hospital.example", server.getsockname()[1], timeout=1)


async def test_without_tls_nothing_leaves_this_machine() -> None:
    network = GuardedNetwork(Names(["1.1.1.1"]), allow_loopback=True, loopback_alone=True)
    with pytest.raises(AddressRefused):
        await network.connect_tcp("hospital.example", 80, timeout=1)


async def test_the_next_address_is_tried() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        network = GuardedNetwork(Names(["127.0.0.2", "127.0.0.1"]), allow_loopback=True)
        stream = await network.connect_tcp("hospital.example", server.getsockname()[1], timeout=1)
        await stream.aclose()
        port = server.getsockname()[1]
    with pytest.raises(httpcore.ConnectError):
        await network.connect_tcp("hospital.example", port, timeout=1)


def test_waits_grow_to_hours_and_not_all_come_back_at_once() -> None:
    waits = [retry_in(attempts, 1.0) for attempts in range(1, 30)]
    assert waits[:3] == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    assert waits[-1] == LONGEST_RETRY
    assert retry_in(10_000, 1.0) == LONGEST_RETRY
    assert retry_in(3, 0.0) == timedelta(seconds=15)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        (None, timedelta()),
        ("120", timedelta(minutes=2)),
        ("99999999999999999999", MOST_RETRY_AFTER),
        ("-5", timedelta()),
        ("soon", timedelta()),
        ("²", timedelta()),
        ("Mon, 07 Feb 2022 02:10:00 GMT", timedelta(minutes=10)),
        ("Mon, 07 Feb 2022 01:10:00 GMT", timedelta()),
        ("Mon, 07 Feb 2033 01:10:00 GMT", MOST_RETRY_AFTER),
    ],
)
def test_retry_after(header: str | None, wait: timedelta) -> None:
    assert asked_to_wait(header, NOW) == wait


def test_the_published_library_takes_our_signatures() -> None:
    secrets, body, now = [new_secret(), new_secret()], '{"ชื่อ": "บ้าน"}', datetime.now(UTC)
    headers = signed_headers("event-1", body.encode(), now, secrets)
    for secret in secrets:
        assert Webhook(secret).verify(body, headers) == {"ชื่อ": "บ้าน"}
    assert len(headers["webhook-signature"].split()) == 2
