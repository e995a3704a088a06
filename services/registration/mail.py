"""Sending e-mail: through an SMTP server, or into the file of messages on a machine that has none."""

from __future__ import annotations

import asyncio
import json
import os
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Final, Protocol

from services.registration.sms import Refusal
from shared.observability.clock import Clock

SMTP_SECONDS: Final = 10.0
"""For each of the conversation's steps, as for a text message."""
SAID_NO: Final = 400
BEYOND_REPLIES: Final = 600
"""A server's refusals are 4xx and 5xx (RFC 5321, 4.2.1); other numbers are of a connection that broke."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail. message_id: the same whenever the same mail is sent, by which receivers know a repetition."""

    to: str
    subject: str
    text: str
    message_id: str


class MailGateway(Protocol):
    """A way to send e-mail."""

    async def send(self, mail: Mail) -> None:
        """Send it. Raises `Refusal` where it surely did not leave, and anything else where nobody knows."""
        ...


class FileMailGateway:
    """Appends each mail to the file of text messages as one JSON line: email, subject, text, at. For one machine."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock

    async def send(self, mail: Mail) -> None:
        """Append the mail in one write, so that lines of several processes do not mix."""
        at = self._clock.now().isoformat()
        line = {"email": mail.to, "subject": mail.subject, "text": mail.text, "at": at}
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, (json.dumps(line, ensure_ascii=False) + "\n").encode())
        finally:
            os.close(file)


class SmtpGateway:
    """Hands each mail to an SMTP server, by STARTTLS unless the server is a neighbour that has none."""

    def __init__(
        self, host: str, port: int, sender: str, *, starttls: bool, user: str | None, password_file: Path | None
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._user = user
        self._password_file = password_file
        self._tls = ssl.create_default_context() if starttls else None

    async def send(self, mail: Mail) -> None:
        """Hand the mail over, in a thread: the standard library's client waits."""
        await asyncio.to_thread(self._send, mail)

    def _send(self, mail: Mail) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
        message["Message-ID"] = mail.message_id
        message.set_content(mail.text)
        try:
            server = smtplib.SMTP(self._host, self._port, timeout=SMTP_SECONDS)
        except OSError as error:
            raise Refusal from error  # nobody was reached
        with server:
            try:
                if self._tls is not None:
                    server.starttls(context=self._tls)  # a server that cannot, or that is another, gets no mail
                if self._user is not None and self._password_file is not None:
                    server.login(self._user, self._password_file.read_text().strip())
            except OSError as error:
                raise Refusal from error  # the mail itself was not begun
            try:
                server.send_message(message)
            except smtplib.SMTPDataError as error:
                if not SAID_NO <= error.smtp_code < BEYOND_REPLIES:
                    raise  # an answer that is none: the server may have the mail
                raise Refusal from error
            except (
                smtplib.SMTPResponseException,
                smtplib.SMTPRecipientsRefused,
                smtplib.SMTPNotSupportedError,
            ) as error:
                raise Refusal from error  # the server said no; one that breaks off has said nothing
