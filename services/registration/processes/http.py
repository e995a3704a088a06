"""Registration's HTTP interface: `python -m services.registration.processes.http`."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
from fastapi import FastAPI

from services.registration.domain.people import Refused
from services.registration.domain.trainings import Policy
from services.registration.http import imports
from services.registration.http.parts import Parts
from services.registration.http.refusals import on_refused
from services.registration.http.routes import ROUTERS
from services.registration.likeness import Likeness
from services.registration.mail import FileMailGateway, MailGateway, SmtpGateway
from services.registration.pages import page_routes
from services.registration.privacy.copies import Copies
from services.registration.privacy.erasure import Erasures
from services.registration.reminders import FETCH_SECONDS, Facilities, Reminders
from services.registration.settings import (
    CARE_SECONDS,
    DIRECTIVE_FILE_BYTES,
    IMPORT_BYTES,
    KEYS_SECONDS,
    MATERIAL_BYTES,
    REMIND_SECONDS,
    SCREENSHOT_BYTES,
    SWEEP_SECONDS,
    TERMS_SECONDS,
    MailSettings,
    PageSettings,
    RegistrationSettings,
)
from services.registration.sms import FileGateway, Gateway, HttpGateway, Messenger
from services.registration.store.acknowledgements import Acknowledgements
from services.registration.store.appointments import Appointments
from services.registration.store.coordinators import Coordinators
from services.registration.store.directives import Directives
from services.registration.store.imports import Imports
from services.registration.store.lists import Lists
from services.registration.store.notices import Notices
from services.registration.store.people import People
from services.registration.store.presence import WRITE_SECONDS, NotingVerifier, Presence
from services.registration.store.problems import Problems
from services.registration.store.published import PublishedFiles
from services.registration.store.registration_help import RegistrationHelp
from services.registration.store.sealed_tables import SEALED_TABLES
from services.registration.store.sign_in import SignIns
from services.registration.store.systems import Systems
from services.registration.store.trainings import Trainings
from shared.kafka.settings import KafkaSettings
from shared.kafka.standing import BarredVolunteers
from shared.observability.clock import Clock, SystemClock
from shared.observability.logs import log
from shared.postgres.keeper import Duty, repeat
from shared.postgres.pool import UNREACHABLE, acquire, open_pool
from shared.postgres.rewrapping import REWRAPPING_RESTS, Rewrapping
from shared.postgres.settings import PostgresSettings
from shared.postgres.throttle import Throttle, Throttled
from shared.security.blind_index import BlindIndex
from shared.security.issuers import verifiers
from shared.security.sealing import KeyRing
from shared.security.tokens import TokenSigner, TokenVerifier
from shared.web.app import create_app
from shared.web.authentication import Authentication, Bar, Moves
from shared.web.cors import WRITE
from shared.web.process import run
from shared.web.serve import HttpSettings, serve
from shared.web.throttling import on_throttled
from shared.web.unreachable import on_unreachable

MAX_BODY_BYTES = 64 * 1024
"""A sign-up with every field at its longest has less than 4 KiB; a suspension's reason as much again."""

FILE_BODIES = {
    imports.LARGER_BODIES: IMPORT_BYTES,
    r"/v1/problems/[^/]+/attachments": SCREENSHOT_BYTES,
    r"/v1/trainings/files": MATERIAL_BYTES,
    r"/v1/directives/files": DIRECTIVE_FILE_BYTES,
}
"""Files, which are the whole body of their requests; nothing of them is read before the sender is known."""

POOL_CONNECTIONS = 10
"""Each request holds one for a few milliseconds; ten carry more than a thousand requests a second."""

WATCH_SECONDS = 2.0
"""How old the answer of /readyz may be."""

_STARTING = "starting"

_AWAY = "the database does not answer"

_log = log(__name__)


def http_app(
    settings: RegistrationSettings,
    postgres: PostgresSettings,
    *,
    bar: Bar,
    clock: Clock,
    gateway: Gateway,
    moves: Moves | None = None,
) -> FastAPI:
    """Put the HTTP application together."""
    signer = TokenSigner.from_file(settings.signing_keys_file, issuer=settings.token_issuer)
    ring = KeyRing.from_file(settings.sealing_keys_file)
    index = BlindIndex.from_file(settings.blind_index_key_file)
    # The issuer checks its own tokens with its own keys; it need not ask itself over HTTP.
    own = TokenVerifier("", settings.token_issuer, source=signer, now=lambda: clock.now().timestamp())
    verifier = verifiers(own, settings.token_issuer, now=lambda: clock.now().timestamp())
    reasons = {_STARTING}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            pool = await open_pool(postgres, application="registration-http", max_size=POOL_CONNECTIONS)
            stack.callback(pool.terminate)
            messenger = Messenger(gateway)
            messenger.start()
            stack.push_async_callback(messenger.close)
            await verifier.start()
            stack.push_async_callback(verifier.close)
            presence = Presence(pool)
            app.state.authentication = Authentication(NotingVerifier(verifier, presence, clock), bar, moves)
            people = People(pool, ring, training_required=settings.training_policy is Policy.HOLD)
            app.state.parts = Parts(
                pool=pool,
                people=people,
                appointments=Appointments(pool, people),
                lists=Lists(pool, ring),
                imports=Imports(pool, ring, index),
                sign_ins=SignIns(pool),
                systems=Systems(pool),
                throttle=Throttle(pool, index),
                index=index,
                ring=ring,
                signer=signer,
                verifier=own,
                messenger=messenger,
                clock=clock,
                presence=presence,
                coordinators=Coordinators(pool, ring),
                help=RegistrationHelp(pool, ring),
                sms_sink=settings.sms_sink_file,
                problems=Problems.of(pool, ring, Likeness(index)),
                directives=Directives(pool),
                acknowledgements=Acknowledgements(pool, ring),
                trainings=Trainings.of(pool, ring, index),
                published=PublishedFiles(pool),
                copies=Copies(pool, ring),
                erasures=Erasures(pool, people, ring, index),
                training_policy=settings.training_policy,
            )
            parts: Parts = app.state.parts
            duties = (
                Duty("sign_ins", lambda: parts.sign_ins.sweep(now=clock.now()), SWEEP_SECONDS),
                Duty("terms", lambda: _keep_terms(parts), TERMS_SECONDS),
                Duty("rewrapping", Rewrapping(pool, ring, SEALED_TABLES).turn, rests=REWRAPPING_RESTS),
                Duty("presence", presence.write, WRITE_SECONDS),
                Duty("care", lambda: _care(parts), CARE_SECONDS),
                *await _reminding(parts, settings, gateway, stack),
            )
            for work in (_follow_keys(signer), ring.follow(), _watch(pool, reasons), *map(repeat, duties)):
                stack.push_async_callback(_end, asyncio.create_task(work))
            reasons.discard(_STARTING)
            yield

    app = create_app(
        title="Jitasa registration",
        page_methods=WRITE,
        lifespan=lifespan,
        ready=lambda: sorted(reasons),
        max_body_bytes=MAX_BODY_BYTES,
        larger_bodies=FILE_BODIES,
    )
    app.add_exception_handler(Refused, on_refused)
    app.add_exception_handler(Throttled, on_throttled)
    # Two who wait for each other, such as rolls with the same people: one goes on, the other is to be sent again.
    for unreachable in (*UNREACHABLE, asyncpg.DeadlockDetectedError):
        app.add_exception_handler(unreachable, on_unreachable)
    for router in ROUTERS:
        app.include_router(router)
    app.router.routes.extend(page_routes(PageSettings(), sms_sink=settings.sms_sink_file is not None))
    return app


async def _care(parts: Parts) -> None:
    """What the time brings about. Any number of processes may do it; what one misses, its next turn or another does."""
    while await parts.problems.steps.escalate_overdue(now=parts.clock.now()):
        pass  # a full batch may have left some
    await parts.trainings.sign_ups.sweep(now=parts.clock.now())
    await parts.published.sweep(now=parts.clock.now())
    await parts.erasures.sweep(now=parts.clock.now())


async def _reminding(
    parts: Parts, settings: RegistrationSettings, sms: Gateway, stack: AsyncExitStack
) -> Sequence[Duty]:
    """What reminds of places, where the service knows who keeps the register of them."""
    address = PageSettings().facilities_url
    if not address:
        return []
    client = await stack.enter_async_context(
        httpx.AsyncClient(base_url=address, timeout=FETCH_SECONDS, trust_env=False, verify=ssl.create_default_context())
    )
    reminders = Reminders(
        Notices(parts.pool, parts.ring),
        Facilities(client, parts.signer, parts.clock),
        sms,
        mail_gateway_of(MailSettings(), settings.sms_sink_file, parts.clock),
        parts.clock,
        f"{settings.token_issuer}/week",
    )
    return [Duty("reminders", reminders.turn, REMIND_SECONDS)]


async def _keep_terms(parts: Parts) -> None:
    """Begin and end roles on their days. Every HTTP process does so; what one has in hand the others pass over."""
    done = await parts.appointments.keep_terms(now=parts.clock.now())
    if done:
        _log.info("terms_kept", appointments=done)


async def _follow_keys(signer: TokenSigner) -> None:
    while True:
        await asyncio.sleep(KEYS_SECONDS)
        signer.reload()


async def _watch(pool: asyncpg.Pool[asyncpg.Record], reasons: set[str]) -> None:
    while True:
        try:
            async with acquire(pool) as connection:
                await connection.execute("SELECT")
        except Exception:  # whatever it is, the database did not answer, and has to be asked again
            reasons.add(_AWAY)
        else:
            reasons.discard(_AWAY)
        await asyncio.sleep(WATCH_SECONDS)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def gateway_of(settings: RegistrationSettings, clock: Clock) -> Gateway:
    """Choose how text messages leave."""
    if settings.sms_url is not None and settings.sms_token_file is not None:
        return HttpGateway(settings.sms_url, settings.sms_token_file)
    if settings.sms_sink_file is not None:
        return FileGateway(settings.sms_sink_file, clock)
    raise ValueError("no way to send text messages is set")  # the settings refuse this before


def mail_gateway_of(settings: MailSettings, sink: Path | None, clock: Clock) -> MailGateway | None:
    """Choose how e-mail leaves, if it does."""
    if settings.host is not None:
        return SmtpGateway(
            settings.host,
            settings.port,
            settings.sender,
            starttls=settings.starttls,
            user=settings.user,
            password_file=settings.password_file,
        )
    return None if sink is None else FileMailGateway(sink, clock)


async def main(stopping: asyncio.Event) -> None:
    """Serve the HTTP interface."""
    settings, clock = RegistrationSettings(), SystemClock()
    barred = BarredVolunteers(KafkaSettings())
    app = http_app(
        settings, PostgresSettings(), bar=barred, clock=clock, gateway=gateway_of(settings, clock), moves=barred
    )
    await barred.start()
    try:
        await serve(app, HttpSettings(), stopping)
    finally:
        await barred.stop()


if __name__ == "__main__":
    run(main, name="registration-http")
