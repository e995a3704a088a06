"""Where the OpenRosa interface is, as the caller sees this service."""

from typing import Final

from starlette.requests import Request

PREFIX: Final = "/v1/openrosa"


def address_of(request: Request) -> str:
    """The address, without a slash at its end, by which the caller came: with the key in it, where he named it so."""
    return address_with(request, request.path_params.get("key"))


def address_with(request: Request, key: str | None) -> str:
    """The address for a key."""
    base = f"{request.base_url}{PREFIX.removeprefix('/')}"
    return base if key is None else f"{base}/{key}"
