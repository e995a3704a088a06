"""The client that is asked again and again."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from shared.kafka.administration import Admin
from shared.kafka.settings import KafkaSettings


@pytest.fixture
def admin(tmp_path: Path) -> Admin:
    """Of librdkafka's own clients, which connect in the background: no broker is needed to tell them apart."""
    password = tmp_path / "password"
    password.write_text("secret")
    return Admin(KafkaSettings(bootstrap="127.0.0.1:1", username="survey", password_file=password))


def same(client: AdminClient) -> AdminClient:
    return client


def failing(client: AdminClient) -> None:
    raise TimeoutError


def test_one_client_is_asked_as_long_as_it_answers(admin: Admin) -> None:
    assert admin.ask(same) is admin.ask(same)


def test_a_client_that_failed_is_not_asked_again(admin: Admin) -> None:
    first = admin.ask(same)
    with pytest.raises(TimeoutError):
        admin.ask(failing)
    second = admin.ask(same)
    assert second is not first
    assert admin.ask(same) is second


def test_who_fails_late_does_not_end_the_client_that_follows(admin: Admin) -> None:
    following: list[AdminClient] = []

    def fails_after_another(client: AdminClient) -> None:
        with pytest.raises(TimeoutError):
            admin.ask(failing)
        following.append(admin.ask(same))
        raise TimeoutError

    with pytest.raises(TimeoutError):
        admin.ask(fails_after_another)
    assert admin.ask(same) is following[0]
