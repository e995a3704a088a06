"""The file of signing keys, and how one key follows another without a restart.

    {"keys": [PRIVATE JWK, ...], "signs_from": {"KEY ID": SECONDS SINCE 1970, ...}}

Every key in the file is published. Of those whose time has come, the latest signs; a key without a time never signs,
but for the first one, which signs from the beginning: a plain JWK set with one key is such a file too. A new key is
written with a time in the future, so that whoever verifies has it before the first token that it signs. An old one
stays in the file until the last token that it signed has expired.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet

from shared.security.key_file import alone, replace

ALGORITHM = "ES256"

PUBLISHED_BEFORE = timedelta(minutes=15)
"""From the writing of a new key until it signs. Issuers read the file every 15 s, verifiers fetch the key set every
five minutes and proxies may keep it for five: even one that missed a fetch has the key by then."""
KEPT_AFTER = timedelta(hours=3)
"""How long a key is published after another signs: longer than any token lives, of which a citizen's live longest, with
2 hours (services/registration/settings.py)."""
MAX_KEYS = 16
"""What verifiers read of a key set."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class KeysWaiting(Exception):
    """A new key is published already and begins to sign at `signs_from`."""

    def __init__(self, key_id: str, signs_from: datetime) -> None:
        super().__init__(key_id)
        self.key_id = key_id
        self.signs_from = signs_from


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key. `signs_from` is aware; None means that it is only published."""

    key: ECKey
    signs_from: datetime | None

    @property
    def key_id(self) -> str:
        """The name of the key in tokens' headers."""
        return str(self.key.kid)


class SigningKeys:
    """All keys of a file, in its order. Raises `ValueError` for keys with which nothing can be signed."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        if not keys or len(keys) > MAX_KEYS:
            raise ValueError(f"there must be 1 to {MAX_KEYS} signing keys")
        if len({key.key_id for key in keys}) != len(keys):
            raise ValueError("two signing keys have the same kid")
        signing = [one for one in keys if one.signs_from is not None]
        if not signing or any(not one.key.is_private for one in signing):
            raise ValueError("the keys that sign must be private keys")
        self.keys = tuple(keys)
        self._signing = sorted(signing, key=lambda one: one.signs_from or _BEGINNING)
        self.published = json.dumps(
            {"keys": [{**one.key.as_dict(private=False), "use": "sig", "alg": ALGORITHM} for one in keys]}
        ).encode()

    @classmethod
    def of_set(cls, keys: KeySet, signs_from: Mapping[str, float] | None = None) -> SigningKeys:
        """Take a JWK set and, by key id, the seconds since 1970 from which keys sign. Raises `ValueError`."""
        times = signs_from or {}
        found = []
        for place, key in enumerate(keys.keys):
            if not isinstance(key, ECKey) or key.curve_name != "P-256" or key.kid is None:
                raise ValueError("the signing keys must be a JWK set of P-256 keys, each with a kid")
            if key.kid in times:
                found.append(SigningKey(key, datetime.fromtimestamp(times[key.kid], UTC)))
            else:
                found.append(SigningKey(key, None if place else _BEGINNING))
        return cls(found)

    @classmethod
    def of_text(cls, text: bytes) -> SigningKeys:
        """Read the content of a file. Raises `ValueError`."""
        try:
            document = json.loads(text)
            return cls.of_set(KeySet.import_key_set(document), document.get("signs_from"))
        except (KeyError, TypeError, AttributeError, OverflowError, OSError, JoseError) as error:
            raise ValueError("this is not a JWK set with private keys") from error

    def at(self, now: datetime) -> ECKey:
        """Return the key that signs at `now`; the first of all where none has begun yet."""
        begun = [one for one in self._signing if one.signs_from is not None and one.signs_from <= now]
        return (begun[-1] if begun else self._signing[0]).key

    def rotated(self, now: datetime) -> SigningKeys:
        """Add a new key that signs after `PUBLISHED_BEFORE`, and leave out keys whose tokens have all expired.

        Raises `KeysWaiting` when one that was added before has not begun yet.
        """
        waiting = next((one for one in self._signing if one.signs_from is not None and one.signs_from > now), None)
        if waiting is not None and waiting.signs_from is not None:
            raise KeysWaiting(waiting.key_id, waiting.signs_from)
        return SigningKeys([SigningKey(_new_key(), now + PUBLISHED_BEFORE), *self._alive(now)])

    def replaced(self, now: datetime) -> SigningKeys:
        """Give one new key instead of all: what the old ones signed ends as soon as verifiers have fetched the set."""
        return SigningKeys([SigningKey(_new_key(), now)])

    def _alive(self, now: datetime) -> Iterator[SigningKey]:
        current = self.at(now)
        began = next(one.signs_from for one in self._signing if one.key is current) or _BEGINNING
        for one in self.keys:
            # Where nobody wrote down since when a key signs, the others may have signed a moment ago.
            if one.key is current or began == _BEGINNING or began + KEPT_AFTER > now:
                yield one

    def text(self) -> str:
        """Write the file's content."""
        document: dict[str, Any] = {
            "keys": [one.key.as_dict(private=one.key.is_private) for one in self.keys],
            "signs_from": {one.key_id: one.signs_from.timestamp() for one in self.keys if one.signs_from is not None},
        }
        return json.dumps(document) + "\n"


def _new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": ALGORITHM}, auto_kid=True)


def read_signing_keys(path: Path) -> SigningKeys:
    """Read a file. Raises `OSError`, and `ValueError` naming the file."""
    try:
        return SigningKeys.of_text(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} does not hold signing keys: {error}") from error


def rotate(path: Path, now: datetime, *, compromised: bool = False) -> SigningKeys:
    """Rotate the keys of a file, and return those it holds then.

    compromised: with no time of waiting, and without the old keys. Raises `KeysWaiting`, `OSError` and `ValueError`.
    """
    with alone(path):
        keys = read_signing_keys(path)
        keys = keys.replaced(now) if compromised else keys.rotated(now)
        replace(path, keys.text())
    return keys
