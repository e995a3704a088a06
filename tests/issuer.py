"""An issuer of tokens that is not ours, as a process of its own: `python -m tests.issuer PORT ALGORITHM`.

It is made on `cryptography` alone, not on the library with which tokens are verified, and signs whatever it is told to:

    POST /sign    {"claims": {...}, "header": {...}}   a token
    POST /rotate                                       another key, beside the one before; ?alone=1 instead of it
    POST /break   {"issuer": ..., "jwks_uri": ...}     what its discovery document claims from now on
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def encoded(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _number(value: int, size: int) -> str:
    return encoded(value.to_bytes(size))


class Key:
    """A private key and its name."""

    def __init__(self, algorithm: str) -> None:
        self.key_id = str(uuid4())
        self.private: Private
        match algorithm:
            case "ES256":
                self.private = ec.generate_private_key(ec.SECP256R1())
            case "EdDSA":
                self.private = ed25519.Ed25519PrivateKey.generate()
            case _:
                self.private = rsa.generate_private_key(65537, 2048)

    def public(self) -> dict[str, str]:
        """The key as it is published."""
        match self.private:
            case ec.EllipticCurvePrivateKey():
                point = self.private.public_key().public_numbers()
                members = {"kty": "EC", "crv": "P-256", "x": _number(point.x, 32), "y": _number(point.y, 32)}
            case ed25519.Ed25519PrivateKey():
                members = {
                    "kty": "OKP",
                    "crv": "Ed25519",
                    "x": encoded(self.private.public_key().public_bytes_raw()),
                }
            case _:
                numbers = self.private.public_key().public_numbers()
                members = {"kty": "RSA", "n": _number(numbers.n, 256), "e": "AQAB"}
        return {**members, "kid": self.key_id, "use": "sig"}

    def signature(self, content: bytes) -> bytes:
        """A JWS signature of `content`."""
        match self.private:
            case ec.EllipticCurvePrivateKey():
                r, s = decode_dss_signature(self.private.sign(content, ec.ECDSA(SHA256())))
                return r.to_bytes(32) + s.to_bytes(32)
            case ed25519.Ed25519PrivateKey():
                return self.private.sign(content)
            case _:
                return self.private.sign(content, padding.PKCS1v15(), SHA256())


class Issuer:
    """The process's state."""

    def __init__(self, port: int, algorithm: str) -> None:
        self._algorithm = algorithm
        self._keys = [Key(algorithm)]
        self._address = f"http://127.0.0.1:{port}"
        self._discovery = {"issuer": self._address, "jwks_uri": f"{self._address}/keys"}
        self._fetched = 0

    def app(self) -> Starlette:
        """Its routes."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discover),
                Route("/keys", self._published),
                Route("/fetched", self._count),
                Route("/sign", self._sign, methods=["POST"]),
                Route("/rotate", self._rotate, methods=["POST"]),
                Route("/break", self._break, methods=["POST"]),
            ]
        )

    async def _discover(self, _: Request) -> Response:
        return JSONResponse(self._discovery)

    async def _published(self, _: Request) -> Response:
        self._fetched += 1
        return JSONResponse({"keys": [key.public() for key in self._keys]})

    async def _count(self, _: Request) -> Response:
        return JSONResponse(self._fetched)

    async def _sign(self, request: Request) -> Response:
        order: Mapping[str, Any] = await request.json()
        key = self._keys[0]
        header = {"alg": self._algorithm, "typ": "at+jwt", "kid": key.key_id} | order.get("header", {})
        header = {name: value for name, value in header.items() if value is not None}
        content = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(order['claims']).encode())}"
        return PlainTextResponse(f"{content}.{encoded(key.signature(content.encode()))}")

    async def _rotate(self, request: Request) -> Response:
        self._keys = [Key(self._algorithm), *([] if "alone" in request.query_params else self._keys)]
        return Response(status_code=204)

    async def _break(self, request: Request) -> Response:
        self._discovery |= await request.json()
        return Response(status_code=204)


if __name__ == "__main__":
    number = int(sys.argv[1])
    uvicorn.run(Issuer(number, sys.argv[2]).app(), host="127.0.0.1", port=number, log_level="warning")
