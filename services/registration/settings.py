"""What the registration service is told from outside, by environment variables, and the limits that it sets itself."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.registration.domain.trainings import Policy
from shared.postgres.throttle import Limit

ACCESS_LIFE = timedelta(minutes=15)
"""How long a suspended person's token could live on if Kafka, which carries the suspension, were away."""
REFRESH_LIFE = timedelta(days=30)
"""From the sign-in, not from the last use: a stolen phone is a stranger's for a month at most."""

CODE_LIFE = timedelta(minutes=5)
"""An SMS takes seconds, now and then a minute; a code on a screen should not lie about for longer."""
CODE_ATTEMPTS = 5
"""Enough for mistyping; with 10^6 codes a guesser hits once in 200,000 codes sent."""

CODES_PER_PHONE = Limit("codes.phone", 10, timedelta(hours=1))
"""Bounds guesses (50 an hour for one phone), what an SMS bomber can do to somebody, and the bill."""
CODES_PER_ADDRESS = Limit("codes.address", 2_000, timedelta(minutes=10))
"""Mobile carriers put thousands of phones behind one address, and a training signs in through one office line."""
ALREADY_REGISTERED_PER_PHONE = Limit("already-registered.phone", 10, timedelta(hours=1))
"""As above, and counted apart: a new phone's sign-up takes none of its codes, and by how many are left nobody shall
learn who is registered."""
SIGN_UPS_PER_ADDRESS = Limit("sign-ups.address", 2_000, timedelta(minutes=10))
"""As for codes; each sign-up spends a place of a group code besides."""
FAILED_SIGN_UPS_PER_ADDRESS = Limit("failed-sign-ups.address", 100, timedelta(minutes=10))
"""Group codes can be guessed only through here: 14,400 tries a day against one hit in millions."""
FAILED_SIGN_INS_PER_ADDRESS = Limit("failed-sign-ins.address", 100, timedelta(minutes=10))
"""A hall full of people mistypes less; a guesser with many phones gets one right in 70 days."""

CITIZEN_LIFE = timedelta(hours=2)
"""A citizen asks for help and sees it come without another code; the token opens what concerns one phone alone."""
PROOFS_PER_PHONE = Limit("proofs.phone", 5, timedelta(hours=1))
"""Each is an SMS to somebody who may not have asked for it; guesses are bounded to 25 an hour for one phone."""
PROOFS_PER_ADDRESS = Limit("proofs.address", 2_000, timedelta(minutes=10))
"""As for codes."""
FAILED_PROOFS_PER_ADDRESS = Limit("failed-proofs.address", 100, timedelta(minutes=10))
"""As for sign-ins."""

HELP_PER_ADDRESS = Limit("help.address", 200, timedelta(minutes=10))
"""A village's meeting behind one line; each request is a call that a coordinator has to make."""
HELP_PER_PHONE = Limit("help.phone", 5, timedelta(hours=24))
"""One request is open at a time; after it was closed, somebody may ask again."""

CONFIRMATIONS_PER_ID = Limit("confirmations.id", CODE_ATTEMPTS, CODE_LIFE)
"""As for a sign-in. Counted by the id of the sign-up, whoever it belongs to, so that the count tells nothing."""
FAILED_CONFIRMATIONS_PER_ADDRESS = Limit("failed-confirmations.address", 100, timedelta(minutes=10))
"""As for sign-ins."""
FAILED_SIGN_INS_PER_CLIENT = Limit("failed-sign-ins.client", 20, timedelta(minutes=10))
"""Of one system from one address: a wrong secret that is tried again and again does not use up the address's limit.
From other addresses the system goes on, or anybody could shut it out who knows its client_id."""
TOKENS_PER_CLIENT = Limit("tokens.client", 1_000, timedelta(minutes=10))
"""Tokens live for 15 minutes: this is a system of a thousand processes, or one that asks before each request."""
SECRET_OVERLAP_MINUTES = 24 * 60
"""A system's operator has a day to put the new secret in."""

GROUP_CODE_LIFE = timedelta(days=30)
"""When none is asked for: a campaign month."""
GROUP_CODE_MAX_LIFE = timedelta(days=180)
"""Codes on walls are forgotten there; half a year is longer than any campaign wave."""
GROUP_CODE_USES = 100
"""When none is asked for: one village's or one training's volunteers."""
GROUP_CODE_MAX_USES = 10_000
"""The volunteers of a large province's partner; more people than that shall not hang on one leaked code."""

PAGE_SIZE = 100
"""Persons in one answer: what fits some screens. Names are unsealed one by one, and every reading is recorded."""

APPROVALS_AT_ONCE = 500
"""What a coordinator ticks on a few screens; locked and written in one transaction of a third of a second."""

EXPORT_ROWS = 100_000
"""Volunteers in one CSV file: a province's. Opening their names takes 3 s; whoever wants more asks province by
province."""
EXPORT_PAGE = 1_000
"""Volunteers opened and sent at a time: 30 ms in which the process does nothing else."""

IMPORT_BYTES = 20 * 1024 * 1024
"""100,000 rows of Thai names have 11 MB as CSV in UTF-8. On a net of 3 Mbit/s they arrive within the minute that a body
may take."""
IMPORT_ROWS = 100_000
"""The volunteers of the largest province's largest partner. Checked and stored within a minute."""
IMPORTS_PER_SENDER = Limit("imports.sender", 60, timedelta(hours=1))
"""A file is checked, mended and checked again; and each check tells which numbers are registered, of as many as a file
holds."""
IMPORT_WAIT = timedelta(seconds=20)
"""How long a roll waits for another one to be done: a process works on one at a time, and needs a processor."""
IMPORT_ERRORS_PAGE = 500
"""Bad rows in one answer: more than anybody mends before sending the file again."""

TERMS_SECONDS = 15.0
"""How often appointments are looked through for those whose first or last day is due: with the way of the event to
every process, a role ends everywhere within half a minute."""
KEYS_SECONDS = 15.0
"""How often the file of signing keys is looked at; a new key is published for longer than that before it signs."""

SWEEP_SECONDS = 600.0
"""How often what has expired is deleted; nothing depends on it but space."""

COPIES_PER_PERSON = Limit("copies.person", 20, timedelta(days=1))
"""A copy walks all that is known of somebody. Who hands copies over does so for a few people a day."""
PROBLEMS_PER_PERSON = Limit("problems.person", 20, timedelta(days=1))
"""A bad day has five; a program that raises one at each failure is stopped before it buries a coordinator."""
SCREENSHOT_BYTES = 2 * 1024 * 1024
"""A phone's whole screen as PNG has 0.3 to 1.5 MB."""
MATERIAL_BYTES = 10 * 1024 * 1024
"""Slides with pictures have 2 to 8 MB as PDF; films are links."""
DIRECTIVE_FILE_BYTES = 2 * 1024 * 1024
"""A scanned letter of ten pages; it has to open on phones in the field."""
UPLOADS_PER_PERSON = Limit("uploads.person", 50, timedelta(days=1))
"""A course with all its slides; 500 MB a day at most in the database, and unused files go after a day."""
GUEST_SIGN_UPS_PER_ADDRESS = Limit("training.address", 300, timedelta(minutes=10))
"""A village hall signs up through one carrier's address, faster than by hand nobody does."""
GUEST_SIGN_UPS_PER_PHONE = Limit("training.phone", 20, timedelta(days=1))
"""Nobody goes to twenty trainings; cancelling and signing up again counts."""
ATTENDANCE_TRIES = Limit("attendance.person", 10, timedelta(hours=1))
"""For one person and session; enough for mistyping six letters, and no way to guess among 86 million."""
ATTENDANCE_TRIES_PER_ADDRESS = Limit("attendance.address", 3_000, timedelta(minutes=10))
"""A full hall behind one carrier's address enters the code in a minute; a guesser with many phones needs years."""
CARE_SECONDS = 30.0
"""How often tickets whose time is over go up: time limits are days, and half a minute late is on time."""


REMIND_SECONDS = 60.0
"""How often it is looked whether a round of notices is to be made, or a message to be sent."""


class PageSettings(BaseSettings):
    """JITASA_ASSETS: the `node_modules` folder with what the pages are made of; without it there are none.

    JITASA_FACILITIES_URL, JITASA_REPORTING_URL and JITASA_SURVEY_URL: where the pages find the other services, as
    browsers reach them. A desk without one of them says that its figures are missing.
    """

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    assets: Path | None = None
    facilities_url: str = ""
    reporting_url: str = ""
    survey_url: str = ""


class MailSettings(BaseSettings):
    """JITASA_SMTP_HOST, _PORT, _SENDER, _STARTTLS, _USER, _PASSWORD_FILE: the server that takes e-mail, who it is from,
    whether the connection is encrypted, and with what one signs in there. Without a host there is no e-mail, or that of
    a machine which keeps its text messages in a file."""

    model_config = SettingsConfigDict(env_prefix="JITASA_SMTP_")

    host: str | None = None
    port: int = 587
    sender: str = "jitasa@localhost"
    starttls: bool = True
    user: str | None = None
    password_file: Path | None = None


class RegistrationSettings(BaseSettings):
    """JITASA_TOKEN_ISSUER, _SIGNING_KEYS_FILE, _SEALING_KEYS_FILE, _BLIND_INDEX_KEY_FILE, and how SMS leave.

    That is either JITASA_SMS_SINK_FILE, or JITASA_SMS_URL with JITASA_SMS_TOKEN_FILE, which holds the bearer token of
    the SMS provider's interface.
    """

    model_config = SettingsConfigDict(env_prefix="JITASA_")

    token_issuer: str
    signing_keys_file: Path
    sealing_keys_file: Path
    blind_index_key_file: Path
    sms_sink_file: Path | None = None
    sms_url: str | None = None
    sms_token_file: Path | None = None
    training_policy: Policy = Policy.WARN
    """JITASA_TRAINING_POLICY: off, warn (GET /v1/me says which courses are missing) or hold (no approval without)."""

    @model_validator(mode="after")
    def _one_way_to_send(self) -> Self:
        if (self.sms_sink_file is None) == (self.sms_url is None):
            raise ValueError("set exactly one of JITASA_SMS_SINK_FILE (on one machine) and JITASA_SMS_URL (a provider)")
        if self.sms_url is not None and self.sms_token_file is None:
            raise ValueError("JITASA_SMS_URL needs JITASA_SMS_TOKEN_FILE")
        return self
