"""Told by webhooks, over TLS, with the published library of Standard Webhooks. From docs/webhooks.md.

STREAMS_URL: of reporting; TOKEN; PORT: of 127.0.0.1, where it listens; CERTIFICATE: a file with its key and
certificate; BOOK: see book.py.
"""

import json
import os
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from standardwebhooks import Webhook, WebhookVerificationError

from tests.e2e.outsiders.book import Book, Event

VERIFICATION = "care.jitasa.webhook.verification.v1"


class Hook(BaseHTTPRequestHandler):
    """Answers when it has kept what came, and not before."""

    protocol_version = "HTTP/1.1"
    book: Book
    one_by_one = threading.Lock()

    def do_POST(self) -> None:
        """An event, or the question whether this is wanted here."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        secret = self.book.kept("secret")
        if secret is None:  # it comes in these very moments, in the answer to the subscription
            return self._answer(503)
        try:
            event = Webhook(secret).verify(body, dict(self.headers))
        except WebhookVerificationError:
            return self._answer(401)
        if event["type"] == VERIFICATION:
            return self._answer(200, json.dumps({"challenge": event["data"]["challenge"]}).encode())
        with self.one_by_one:  # events of several partitions may come at once
            self.book.keep([Event.read(event)])
        return self._answer(204)

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def main() -> None:
    """Subscribes, the first time, and receives for ever."""
    Hook.book, port = Book(), int(os.environ["PORT"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.environ["CERTIFICATE"])
    server = ThreadingHTTPServer(("127.0.0.1", port), Hook)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever).start()
    if Hook.book.kept("secret") is None:
        headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
        asked = {
            "url": f"https://localhost:{port}/hook",
            "streams": ["survey-submitted"],
            "from": "start",
            "at_once": 4,
        }
        url = f"{os.environ['STREAMS_URL']}/v1/subscriptions"
        answer = httpx.post(url, json=asked, headers=headers, timeout=60)
        Hook.book.keep([], secret=answer.raise_for_status().json()["secret"])


if __name__ == "__main__":
    main()
