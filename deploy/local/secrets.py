"""The stack's secrets: made once, one file each, readable by their owner only.

`python -m deploy.local.secrets FOLDER` makes them for another place, such as a cluster.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from joserfc.jwk import ECKey

from deploy.catalogue import SERVICES

KAFKA_OWN_USERS = ("broker", "controller", "admin")
POSTGRES_SUPERUSER = "postgres"


class Secrets:
    """The folder of secrets; opening it makes what is missing and closes what stands open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        for user in (*KAFKA_OWN_USERS, *(user for service in SERVICES for user in service.kafka_users)):
            self._make(self.kafka_password_file(user), new_password)
        for role in (POSTGRES_SUPERUSER, *(service.name for service in SERVICES)):
            self._make(self.postgres_password_file(role), new_password)
        # A home of before the two had one ring between them: what is sealed there opens with a copy of it.
        shared = self.sealing_keys.read_text().strip() if self.sealing_keys.exists() else None
        self._make(self.registration_sealing_keys, lambda: shared or _ring())
        self._make(self.sealing_keys, _ring)
        self._make(self.subscriber_sealing_keys, _ring)
        self._make(self.household_key, _key)
        self._make(self.blind_index_key, _key)
        self._make(self.signing_keys, _signing_keys)

    def kafka_password_file(self, user: str) -> Path:
        """The password of a Kafka user."""
        return self.folder / f"kafka-{user}"

    def postgres_password_file(self, role: str) -> Path:
        """The password of a database role."""
        return self.folder / f"postgres-{role}"

    @property
    def sealing_keys(self) -> Path:
        """The survey's ring of key-encryption keys."""
        return self.folder / "sealing-keys.json"

    @property
    def registration_sealing_keys(self) -> Path:
        """Registration's ring of key-encryption keys."""
        return self.folder / "registration-sealing-keys.json"

    @property
    def subscriber_sealing_keys(self) -> Path:
        """The ring under which a subscriber's new password waits until Kafka has it."""
        return self.folder / "subscriber-sealing-keys.json"

    @property
    def household_key(self) -> Path:
        """The key of the household ids. Losing it makes every house a new household."""
        return self.folder / "household-key"

    @property
    def blind_index_key(self) -> Path:
        """The key under which phone numbers and national ids are found."""
        return self.folder / "blind-index-key"

    @property
    def signing_keys(self) -> Path:
        """The private JWK set that signs tokens."""
        return self.folder / "signing-keys.json"

    def kafka_password(self, user: str) -> str:
        """Read the password of a Kafka user."""
        return self.kafka_password_file(user).read_text().strip()

    def postgres_password(self, role: str) -> str:
        """Read the password of a database role."""
        return self.postgres_password_file(role).read_text().strip()

    @staticmethod
    def _make(path: Path, content: Callable[[], str]) -> None:
        if path.exists():
            path.chmod(0o600)
        else:
            write_private(path, content() + "\n")


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 that is never seen half written or open to others."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        unfinished.unlink()
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())  # a key that is lost with the power makes everything sealed under it unreadable
    unfinished.replace(path)


def new_password() -> str:
    """A password that nobody has to remember."""
    return secrets.token_urlsafe(24)  # 192 bits; no character of it needs quoting in any of our configuration files


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _ring() -> str:
    return json.dumps({"current": "k1", "keys": {"k1": _key()}})


def _signing_keys() -> str:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    return json.dumps({"keys": [key.as_dict(private=True)]})


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m deploy.local.secrets FOLDER")
    Secrets(Path(sys.argv[1]))
