"""A DHIS2 as far as `POST /api/dataValueSets` goes: it checks as the real one does, in its words and codes."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Key = tuple[str, str, str]

BASIC = "Basic " + base64.b64encode(b"jitasa:district-1A").decode()
TOKEN = "ApiToken d2pat_made_up"


@dataclass
class FakeDhis2:
    """elements, units: known codes; latest: the last period that is open; values: what is stored, by period, unit and
    element; imports: the import counts of all answers; duplicates: values that a request had twice."""

    elements: set[str]
    units: set[str]
    latest: str = "202203"
    url: str = ""
    values: dict[Key, str] = field(default_factory=dict)
    imports: list[dict[str, int]] = field(default_factory=list)
    duplicates: int = 0
    answers: list[int] = field(default_factory=list)
    """Statuses to be answered before anything is looked at, once each."""
    stored: Callable[[], None] = lambda: None
    """Called when values are stored and nothing is answered yet."""
    old: bool = False
    """As before 2.38: no wrapping, 200 in spite of conflicts, and not said which values were refused."""

    def take(self, body: Any, *, dry_run: bool) -> tuple[int, dict[str, Any]]:
        """Import: HTTP status, and the answer."""
        count = {"imported": 0, "updated": 0, "ignored": 0, "deleted": 0}
        conflicts, rejected, seen = [], [], set()
        for index, value in enumerate(body["dataValues"]):
            found = self._conflict(value)
            if found is not None:
                code, wrong, text = found
                conflicts.append({"object": value.get(wrong), "value": text, "errorCode": code, "property": wrong})
                rejected.append(index)
                count["ignored"] += 1
                continue
            key = (value["period"], value["orgUnit"], value["dataElement"])
            self.duplicates += key in seen
            count["updated" if key in self.values or key in seen else "imported"] += 1
            seen.add(key)
            if not dry_run:
                self.values[key] = value["value"]
        self.imports.append(count)
        status = "WARNING" if conflicts else "SUCCESS"
        summary: dict[str, Any] = {"responseType": "ImportSummary", "status": status, "importCount": count}
        summary |= {"conflicts": conflicts, "dataSetComplete": "false"}
        if self.old:
            return 200, summary
        http = 409 if conflicts else 200
        told = {"httpStatus": "Conflict" if conflicts else "OK", "httpStatusCode": http, "status": status}
        return http, told | {"message": "Import", "response": summary | {"rejectedIndexes": rejected}}

    def _conflict(self, value: dict[str, str]) -> tuple[str, str, str] | None:
        element, period, unit = (value.get(name, "") for name in ("dataElement", "period", "orgUnit"))
        if element not in self.elements:
            return "E7610", "dataElement", f"Data element not found or not accessible: `{element}`"
        if not re.fullmatch(r"[0-9]{4}(0[1-9]|1[0-2])", period):
            return "E7611", "period", f"Period not valid: `{period}`"
        if unit not in self.units:
            return "E7612", "orgUnit", f"Organisation unit not found or not accessible: `{unit}`"
        if not re.fullmatch(r"0|[1-9][0-9]*", value.get("value", "")):
            return "E7619", "value", f"Value must match data element's `{element}` type constraints"
        if period > self.latest:
            return "E7641", "period", f"Period: `{period}` is after latest open future period: `{self.latest}`"
        return None


@contextmanager
def at_work(dhis2: FakeDhis2) -> Iterator[FakeDhis2]:
    """The DHIS2 on a port of its own, for the time of a block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            address = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(address.query).items()}
            if dhis2.answers:
                self._answer(dhis2.answers.pop(0), {})
            elif self.headers["Authorization"] not in (BASIC, TOKEN):
                self._answer(401, {"httpStatus": "Unauthorized", "httpStatusCode": 401, "status": "ERROR"})
            elif address.path != "/api/dataValueSets":
                self._answer(404, {"httpStatus": "Not Found", "httpStatusCode": 404, "status": "ERROR"})
            elif self.headers["Content-Type"] != "application/json":
                self._answer(415, {})
            else:
                # Without these it would look for ids, and know none of the codes.
                assert asked["dataElementIdScheme"].lower() == asked["orgUnitIdScheme"].lower() == "code"
                assert asked["importStrategy"] == "CREATE_AND_UPDATE"
                answer = dhis2.take(json.loads(body), dry_run=asked.get("dryRun") == "true")
                dhis2.stored()
                self._answer(*answer)

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            told = json.dumps(body).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)
            except OSError:
                self.close_connection = True  # who asked was killed

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the library
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    dhis2.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield dhis2
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
