"""Which key signs when, and how one follows another in the file."""

import inspect
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet, RSAKey

from services.registration.settings import ACCESS_LIFE, CITIZEN_LIFE
from shared.security.signing_keys import (
    KEPT_AFTER,
    MAX_KEYS,
    PUBLISHED_BEFORE,
    KeysWaiting,
    SigningKeys,
    read_signing_keys,
    rotate,
)
from shared.security.tokens import TokenVerifier

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


def plain(*keys: ECKey) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=True) for key in keys]}


def ids(keys: SigningKeys) -> list[str]:
    return [one.key_id for one in keys.keys]


def signing(keys: SigningKeys, at: datetime) -> str:
    return str(keys.at(at).kid)


def test_of_a_plain_set_the_first_key_signs() -> None:
    first, second = new_key(), new_key()
    keys = SigningKeys.of_set(KeySet([first, second]))
    assert signing(keys, NOW) == first.kid
    assert signing(keys, datetime(1960, 1, 1, tzinfo=UTC)) == first.kid


def test_a_new_key_is_published_before_it_signs_and_an_old_one_as_long_as_its_tokens_live() -> None:
    keys = SigningKeys.of_set(KeySet([new_key()]))
    [first] = ids(keys)
    keys = SigningKeys.of_text(keys.rotated(NOW).text().encode())
    second = ids(keys)[0]
    assert ids(keys) == [second, first]
    begins = NOW + PUBLISHED_BEFORE
    assert [signing(keys, moment) for moment in (NOW, begins - SECOND, begins)] == [first, first, second]
    with pytest.raises(KeysWaiting) as waiting:
        keys.rotated(begins - SECOND)
    assert (waiting.value.key_id, waiting.value.signs_from) == (second, begins)
    soon = keys.rotated(begins + KEPT_AFTER - SECOND)
    assert ids(soon)[1:] == [second, first]
    later = keys.rotated(begins + KEPT_AFTER)
    assert ids(later)[1:] == [second]
    published = [key["kid"] for key in json.loads(later.published)["keys"]]
    assert published == ids(later)
    assert all("d" not in key for key in json.loads(later.published)["keys"])


def test_keys_that_were_there_before_anybody_noted_times_are_kept_once() -> None:
    first, retired = new_key(), new_key()
    keys = SigningKeys.of_set(KeySet([first, retired])).rotated(NOW)
    assert ids(keys)[1:] == [first.kid, retired.kid]
    assert signing(keys, NOW) == first.kid
    assert ids(keys.rotated(NOW + PUBLISHED_BEFORE + KEPT_AFTER))[1:] == ids(keys)[:1]


def test_a_compromised_key_is_replaced_at_once() -> None:
    keys = SigningKeys.of_set(KeySet([new_key()]))
    fresh = keys.rotated(NOW).replaced(NOW)
    assert len(fresh.keys) == 1
    assert ids(fresh) != ids(keys)
    assert signing(fresh, NOW) == ids(fresh)[0]


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"keys": []},
        {"keys": ["x"]},
        {"keys": [new_key().as_dict(private=False)]},
        {"keys": [RSAKey.generate_key(2048, auto_kid=True).as_dict(private=True)]},
        {"keys": [ECKey.generate_key("P-384", auto_kid=True).as_dict(private=True)]},
        plain(*[new_key()] * 2),
        plain(*(new_key() for _ in range(MAX_KEYS + 1))),
        plain(new_key()) | {"signs_from": 7},
        plain(key := new_key()) | {"signs_from": {key.kid: "soon"}},
        plain(key) | {"signs_from": {key.kid: 1e300}},
    ],
)
def test_a_file_with_which_nothing_can_be_signed_is_refused(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "keys"
    path.write_text(json.dumps(document))
    with pytest.raises(ValueError, match="keys does not hold signing keys"):
        read_signing_keys(path)
    with pytest.raises(ValueError, match="keys"):
        rotate(path, NOW)
    assert json.loads(path.read_text()) == document


def test_of_several_commands_at_once_one_rotates(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(json.dumps(plain(new_key())))
    path.chmod(0o600)

    def one(_: int) -> bool:
        try:
            rotate(path, NOW)
        except KeysWaiting:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(one, range(8))) == 1
    assert len(read_signing_keys(path).keys) == 2
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["keys"]


def test_a_key_is_published_until_the_last_token_that_it_signed_has_expired() -> None:
    leeway = timedelta(seconds=inspect.signature(TokenVerifier).parameters["leeway_s"].default)
    assert max(ACCESS_LIFE, CITIZEN_LIFE) + leeway < KEPT_AFTER
