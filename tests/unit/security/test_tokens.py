"""Tokens: what is accepted, and that nothing else is."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

from shared.contracts.events import Role
from shared.security import issuers, tokens
from shared.security.issuers import Verifiers
from shared.security.principal import Principal
from shared.security.tokens import InvalidToken, KeysUnavailable, TokenSigner, TokenVerifier

NOW = datetime(2022, 2, 5, 3, 0, tzinfo=UTC)
ISSUER = "https://jitasa.example"
SUBJECT, ORGANISATION = uuid4(), uuid4()


def new_key() -> ECKey:
    return ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


KEY = new_key()


class Keys:
    """A key source whose answer can be changed, and which counts how often it was asked."""

    def __init__(self, *keys: Any) -> None:
        self.document = json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()
        self.error: Exception | None = None
        self.asked = 0

    async def fetch(self) -> bytes:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.document


def verifier(source: Keys | None = None, now: datetime | Callable[[], float] = NOW) -> TokenVerifier:
    clock = now if callable(now) else now.timestamp
    return TokenVerifier("", ISSUER, source=source or Keys(KEY), now=clock)


def claims(**changes: Any) -> dict[str, Any]:
    seconds = int(NOW.timestamp())
    usual = {
        "iss": ISSUER,
        "aud": "jitasa",
        "sub": str(SUBJECT),
        "jti": "t1",
        "iat": seconds,
        "nbf": seconds,
        "exp": seconds + 900,
        "role": "volunteer",
        "area": "500101",
        "org": str(ORGANISATION),
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def signed(key: ECKey = KEY, **changes: Any) -> str:
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims(**changes), key, algorithms=["ES256"])


def raw(header: dict[str, Any], payload: bytes, signature: bytes = b"") -> str:
    return ".".join(
        base64.urlsafe_b64encode(part).rstrip(b"=").decode()
        for part in (json.dumps(header).encode(), payload, signature)
    )


async def refusal(token: str, of: TokenVerifier | None = None) -> str:
    with pytest.raises(InvalidToken) as refused:
        await (of or verifier()).verify(token)
    return refused.value.code


async def test_a_signed_token_says_who_holds_it() -> None:
    token = TokenSigner(KeySet([KEY]), issuer=ISSUER).sign(
        subject=SUBJECT,
        organisation=ORGANISATION,
        role=Role.DISTRICT_COORDINATOR,
        area="5001",
        issued_at=NOW,
        expires_at=NOW + timedelta(minutes=15),
    )
    principal = await verifier().verify(token)
    assert principal == Principal(
        SUBJECT, ORGANISATION, Role.DISTRICT_COORDINATOR, "5001", NOW + timedelta(minutes=15), principal.token_id
    )
    assert UUID(principal.token_id)


async def test_a_program_belongs_to_no_organisation() -> None:
    assert (await verifier().verify(signed(org=..., area="", role="central_administrator"))).organisation is None


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "a.b.c.d", "....", "โทเคน", "a" * 5000, "\ud800"])
async def test_what_is_no_token_is_malformed(token: str) -> None:
    assert await refusal(token) == ("token_malformed" if token else "token_missing")


async def test_no_algorithm_but_ours() -> None:
    """`none`, and HS256 keyed with the public key, are the two classic forgeries."""
    payload = json.dumps(claims(role="central_administrator", area="")).encode()
    for algorithm in ("none", "None", "NONE", "", None, 7):
        assert await refusal(raw({"alg": algorithm, "kid": KEY.kid}, payload)) in (
            "token_bad_signature",
            "token_malformed",
        )
    header = {"alg": "HS256", "kid": KEY.kid}
    unsigned = raw(header, payload).rstrip(".")
    public = [KEY.as_pem(private=False), json.dumps(KEY.as_dict(private=False)).encode(), KEY.as_der(private=False)]
    for secret in public:
        forged = base64.urlsafe_b64encode(hmac.digest(secret, unsigned.encode(), hashlib.sha256)).rstrip(b"=").decode()
        assert await refusal(f"{unsigned}.{forged}") == "token_bad_signature"
    rsa = RSAKey.generate_key(2048, auto_kid=True)
    token = jwt.encode({"alg": "RS256", "kid": rsa.kid}, claims(), rsa, algorithms=["RS256"])
    assert await refusal(token, verifier(Keys(KEY, rsa))) == "token_bad_signature"


async def test_a_header_cannot_bring_its_own_key() -> None:
    stranger = new_key()
    offers: tuple[dict[str, Any], ...] = (
        {"jwk": stranger.as_dict(private=False)},
        {"jku": "https://evil.example/jwks.json"},
    )
    for header in offers:
        token = jwt.encode({"alg": "ES256", "kid": KEY.kid, **header}, claims(), stranger, algorithms=["ES256"])
        assert await refusal(token) == "token_bad_signature"


async def test_every_changed_character_of_a_token_is_noticed() -> None:
    token = signed()
    checker = verifier()
    for place in range(len(token) - 1):  # the last one holds bits that belong to no byte of the signature
        for instead in ("A", "B", "."):
            changed = token[:place] + instead + token[place + 1 :]
            if changed == token:
                continue
            with pytest.raises(InvalidToken):
                await checker.verify(changed)


async def test_a_key_with_the_same_id_does_not_help() -> None:
    stranger = ECKey.import_key({**new_key().as_dict(private=True), "kid": str(KEY.kid)})
    assert await refusal(signed(stranger)) == "token_bad_signature"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aud": "somebody-else"}, "token_wrong_audience"),
        ({"aud": ["a", "b"]}, "token_wrong_audience"),
        ({"aud": ...}, "token_wrong_audience"),
        ({"aud": {"jitasa": 1}}, "token_wrong_audience"),
        ({"iss": "https://evil.example"}, "token_wrong_issuer"),
        ({"iss": ...}, "token_wrong_issuer"),
        ({"iss": [ISSUER]}, "token_wrong_issuer"),
        ({"exp": ...}, "token_malformed"),
        ({"exp": "soon"}, "token_malformed"),
        ({"exp": True}, "token_malformed"),
        ({"exp": float("inf")}, "token_malformed"),
        ({"exp": 10**400}, "token_malformed"),
        ({"exp": 10**17}, "token_malformed"),
        ({"exp": float("nan")}, "token_malformed"),
        ({"exp": -1}, "token_malformed"),
        ({"iat": ...}, "token_malformed"),
        ({"nbf": None}, "token_malformed"),
        ({"sub": ...}, "token_malformed"),
        ({"sub": "me"}, "token_malformed"),
        ({"sub": 5}, "token_malformed"),
        ({"jti": ...}, "token_malformed"),
        ({"jti": ""}, "token_malformed"),
        ({"role": ...}, "token_malformed"),
        ({"role": "king"}, "token_malformed"),
        ({"role": []}, "token_malformed"),
        ({"area": ...}, "token_malformed"),
        ({"area": "5"}, "token_malformed"),
        ({"area": "500"}, "token_malformed"),
        ({"area": "50010103"}, "token_malformed"),
        ({"area": "๕๐"}, "token_malformed"),
        ({"area": "50\n"}, "token_malformed"),
        ({"area": 50}, "token_malformed"),
        ({"org": "none"}, "token_malformed"),
        ({"org": None}, "token_malformed"),
    ],
)
async def test_every_claim_is_checked(changes: dict[str, Any], code: str) -> None:
    assert await refusal(signed(**changes)) == code


async def test_one_audience_among_several_is_enough() -> None:
    assert (await verifier().verify(signed(aud=["other", "jitasa"]))).subject == SUBJECT


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (-31, "token_not_yet_valid"),
        (-30, None),
        (0, None),
        (929, None),
        (930, "token_expired"),
        (10**6, "token_expired"),
    ],
)
@pytest.mark.parametrize("seen_before", [False, True])
async def test_clocks_may_differ_by_half_a_minute(seconds: int, code: str | None, seen_before: bool) -> None:
    clock = [NOW.timestamp()]
    checker, token = verifier(now=lambda: clock[0]), signed()
    if seen_before and code != "token_not_yet_valid":
        await checker.verify(token)
    clock[0] += seconds
    if code is None:
        assert (await checker.verify(token)).subject == SUBJECT
    else:
        assert await refusal(token, checker) == code


async def test_a_token_that_only_begins_later_is_refused() -> None:
    assert await refusal(signed(nbf=int(NOW.timestamp()) + 60)) == "token_not_yet_valid"
    assert await refusal(signed(iat=int(NOW.timestamp()) + 60, nbf=...)) == "token_not_yet_valid"


async def test_a_rotation_is_followed_and_the_retired_key_still_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 0)
    source, fresh = Keys(KEY), new_key()
    checker = verifier(source)
    await checker.verify(signed())
    source.document = Keys(fresh, KEY).document
    assert (await checker.verify(signed(fresh))).subject == SUBJECT
    assert (await checker.verify(signed(jti="t2"))).subject == SUBJECT
    assert source.asked == 2


async def test_a_withdrawn_key_is_forgotten_with_its_cached_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 0)
    source, fresh, old = Keys(KEY), new_key(), signed()
    checker = verifier(source)
    await checker.verify(old)
    source.document = Keys(fresh).document
    await checker.verify(signed(fresh))
    assert await refusal(old, checker) == "token_unknown_key"


async def test_an_issuer_that_starts_at_the_same_time_is_asked_again_at_once() -> None:
    class Starting(Keys):
        async def fetch(self) -> bytes:
            document = await super().fetch()
            if self.asked == 1:
                raise ConnectionRefusedError
            return document

    checker = verifier(Starting(KEY))
    await checker.start()
    try:
        assert not checker.ready
        async with asyncio.timeout(tokens.REFETCH_SECONDS / 2):  # much sooner than a known issuer is asked again
            while not checker.ready:
                await asyncio.sleep(0.02)
    finally:
        await checker.close()


async def test_invented_key_ids_cost_the_issuer_one_request() -> None:
    source = Keys(KEY)
    checker = verifier(source)
    for _ in range(50):
        assert await refusal(signed(new_key()), checker) == "token_unknown_key"
    assert source.asked == 1
    assert await refusal(raw({"alg": "ES256"}, b"{}"), checker) == "token_unknown_key"


async def test_keys_known_last_outlive_an_issuer_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "REFETCH_SECONDS", 0)
    source = Keys(KEY)
    checker = verifier(source)
    await checker.verify(signed())
    source.error = ConnectionRefusedError()
    assert await refusal(signed(new_key()), checker) == "token_unknown_key"
    source.error, source.document = None, b'{"keys": "none"}'
    assert await refusal(signed(new_key()), checker) == "token_unknown_key"
    assert (await checker.verify(signed(jti="another"))).subject == SUBJECT


async def test_without_any_keys_nothing_is_judged() -> None:
    source = Keys(KEY)
    source.error = ConnectionRefusedError()
    checker = verifier(source)
    await checker.start()
    assert not checker.ready
    with pytest.raises(KeysUnavailable):
        await checker.verify(signed())
    await checker.close()


async def test_other_keys_in_the_set_are_passed_over() -> None:
    document = json.loads(Keys(KEY).document)
    stranger = new_key()
    encrypting = {**stranger.as_dict(private=False), "use": "enc"}
    document["keys"] = [
        7,
        {"kty": "EC", "crv": "P-256", "kid": "broken", "x": "AA", "y": "AA"},
        encrypting,
        *document["keys"],
    ]
    source = Keys(KEY)
    source.document = json.dumps(document).encode()
    checker = verifier(source)
    await checker.start()
    assert checker.ready
    assert (await checker.verify(signed())).subject == SUBJECT
    assert await refusal(signed(stranger), checker) == "token_unknown_key"
    await checker.close()


async def test_beside_other_issuers_a_token_of_ours_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(token: str) -> Any:
        read.append(token)
        return tokens.unverified(token)

    monkeypatch.setattr(issuers, "unverified", counted)
    both = Verifiers(verifier(), {"https://login.agency.example": verifier()})
    await both.start()
    token = signed()
    for _ in range(3):
        assert (await both.verify(token)).subject == SUBJECT
    assert read == [token]
    await both.close()


async def test_the_cache_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MAX_CACHED_TOKENS", 3)
    checker = verifier()
    for number in range(10):
        await checker.verify(signed(jti=f"t{number}"))
    assert len(checker._verified) == 3


def test_the_published_set_holds_no_private_part() -> None:
    retired = new_key()
    published = json.loads(TokenSigner(KeySet([KEY, retired]), issuer=ISSUER).jwks)
    assert [key["kid"] for key in published["keys"]] == [KEY.kid, retired.kid]
    assert all(set(key) <= {"kty", "crv", "x", "y", "kid", "use", "alg"} for key in published["keys"])


def test_signing_keys_are_judged_at_start(tmp_path: Any) -> None:
    path = tmp_path / "keys.json"
    for text in ("", "{}", '{"keys": []}', json.dumps({"keys": [KEY.as_dict(private=False)]})):
        path.write_text(text)
        with pytest.raises(ValueError, match="key"):
            TokenSigner.from_file(path, issuer=ISSUER)
    path.write_text(json.dumps({"keys": [KEY.as_dict(private=True)]}))
    assert TokenSigner.from_file(path, issuer=ISSUER).jwks


@pytest.mark.parametrize(
    ("own", "asked", "inside"),
    [
        ("", "", True),
        ("", "500101", True),
        ("50", "50", True),
        ("50", "500101", True),
        ("50", "", False),
        ("50", "51", False),
    ],
)
def test_an_area_covers_what_begins_with_it(own: str, asked: str, inside: bool) -> None:
    assert Principal(SUBJECT, None, Role.VOLUNTEER, own, NOW, "t").covers(asked) is inside
