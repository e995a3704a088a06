"""What the routes work with: made once by the composition root, found at `app.state.parts`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import asyncpg
from starlette.requests import Request

from services.registration.domain.trainings import Policy
from services.registration.privacy.copies import Copies
from services.registration.privacy.erasure import Erasures
from services.registration.sms import Messenger
from services.registration.store.acknowledgements import Acknowledgements
from services.registration.store.appointments import Appointments
from services.registration.store.coordinators import Coordinators
from services.registration.store.directives import Directives
from services.registration.store.imports import Imports
from services.registration.store.lists import Lists
from services.registration.store.people import People
from services.registration.store.presence import Presence
from services.registration.store.problems import Problems
from services.registration.store.published import PublishedFiles
from services.registration.store.registration_help import RegistrationHelp
from services.registration.store.sign_in import SignIns
from services.registration.store.systems import Systems
from services.registration.store.trainings import Trainings
from shared.observability.clock import Clock
from shared.postgres.throttle import Throttle
from shared.security.blind_index import BlindIndex
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner, TokenVerifier


@dataclass(frozen=True, slots=True)
class Parts:
    """The stores and tools of the service."""

    pool: asyncpg.Pool[asyncpg.Record]
    people: People
    lists: Lists
    imports: Imports
    appointments: Appointments
    sign_ins: SignIns
    systems: Systems
    throttle: Throttle
    index: BlindIndex
    ring: KeyRing
    signer: TokenSigner
    verifier: TokenVerifier
    messenger: Messenger
    clock: Clock
    presence: Presence
    coordinators: Coordinators
    help: RegistrationHelp
    sms_sink: Path | None
    """Where text messages lie, on a machine that has no provider."""
    problems: Problems
    directives: Directives
    acknowledgements: Acknowledgements
    trainings: Trainings
    published: PublishedFiles
    copies: Copies
    erasures: Erasures
    training_policy: Policy


def parts(request: Request) -> Parts:
    """Give a route the parts of the service."""
    found: Parts = request.app.state.parts
    return found
