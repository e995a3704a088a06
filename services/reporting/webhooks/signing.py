"""Signatures by Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`, in the header `webhook-signature`.

The published library is the receiver in the tests; here the five lines of the specification sign bytes as they are.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Final

SECRET_BYTES: Final = 32
"""The specification asks for 24 to 64."""
PREFIX: Final = "whsec_"


def new_secret() -> str:
    """A secret as its owner gets it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(webhook_id: str, body: bytes, now: datetime, owned: Sequence[str]) -> dict[str, str]:
    """The three headers, with a signature by each of the secrets."""
    timestamp = str(int(now.timestamp()))
    content = b".".join((webhook_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(_signature(secret, content) for secret in owned),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
