"""The routes of the register, one module per resource. Places are public: reading needs no token; writing needs the
right and the area."""

from typing import Final

from services.facilities.http import (
    dhis2,
    duplicates,
    exports,
    fhir,
    holidays,
    imports,
    kinds,
    lists,
    places,
    public,
    revisions,
    weekly,
)

STRICT = (
    lists.router,
    places.router,
    revisions.router,
    duplicates.router,
    imports.router,
    weekly.router,
    exports.router,
    public.router,
    dhis2.router,
    kinds.router,
    holidays.router,
)
"""Those which refuse parameters that they do not know. FHIR has a rule of its own for them."""
ROUTERS = (*STRICT, fhir.router)

FILE_BODIES: Final = {"/v1/imports": imports.MAX_FILE_BYTES}
"""Paths whose bodies are files."""
MAX_BODY_BYTES: Final = 64 * 1024
"""A place with every field at its longest, every character escaped, takes below 60 KiB."""
