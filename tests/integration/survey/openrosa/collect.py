"""A client of OpenRosa that does what its documents say and what Collect does: list, fetch, ask, send.

https://docs.getodk.org/openrosa (HTTP, Form List, Form Submission); nothing of ours is imported here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate

import httpx
from defusedxml import ElementTree as ET

LIST = "{http://openrosa.org/xforms/xformsList}"
MANIFEST = "{http://openrosa.org/xforms/xformsManifest}"
RESPONSE = "{http://openrosa.org/http/response}"
Files = Mapping[str, tuple[str, bytes, str]]


@dataclass(frozen=True)
class Listed:
    """A form of the list."""

    form_id: str
    name: str
    version: str
    hash: str
    download_url: str
    manifest_url: str


class Collect:
    """A device that is set up for a server."""

    def __init__(
        self, http: httpx.AsyncClient, server_url: str, password: str | None = None, language: str = "th"
    ) -> None:
        self._http = http
        self.server_url = server_url
        self._auth = None if password is None else httpx.BasicAuth("volunteer", password)
        self._language = language

    async def _send(self, method: str, url: str, files: Files | None = None) -> httpx.Response:
        headers = {
            "X-OpenRosa-Version": "1.0",
            "Date": formatdate(usegmt=True),
            "Accept-Language": self._language,
            "User-Agent": "org.odk.collect.android/v2025.1.0 Dalvik/2.1.0",
        }
        answer = await self._http.request(
            method, url, headers=headers, files=files, auth=self._auth or httpx.USE_CLIENT_DEFAULT
        )
        assert answer.headers["X-OpenRosa-Version"] == "1.0"
        return answer

    async def forms(self) -> list[Listed]:
        """The server's forms."""
        answer = await self._send("GET", f"{self.server_url}/formList?deviceID=collect%3A1")
        assert answer.status_code == 200, answer.text
        assert "text/xml" in answer.headers["content-type"]
        root = ET.fromstring(answer.content)
        assert root.tag == f"{LIST}xforms"
        names = ("formID", "name", "version", "hash", "downloadUrl", "manifestUrl")
        return [Listed(*(each.findtext(f"{LIST}{name}", "") for name in names)) for each in root]

    async def fetch(self, form: Listed) -> tuple[str, dict[str, bytes]]:
        """A form, and the files beside it; each has to be what its hash says."""
        content = await self._file(form.download_url, form.hash)
        manifest = await self._send("GET", form.manifest_url)
        assert manifest.status_code == 200, manifest.text
        assert "text/xml" in manifest.headers["content-type"]
        files = {}
        for each in ET.fromstring(manifest.content):
            name, md5, url = (each.findtext(f"{MANIFEST}{tag}", "") for tag in ("filename", "hash", "downloadUrl"))
            files[name] = await self._file(url, md5)
        return content.decode(), files

    async def _file(self, url: str, md5: str) -> bytes:
        answer = await self._send("GET", url)
        assert answer.status_code == 200, answer.text
        assert md5 == f"md5:{hashlib.md5(answer.content, usedforsecurity=False).hexdigest()}"
        return answer.content

    async def send(self, form: bytes, attachments: Files | None = None) -> tuple[int, str]:
        """A filled form is sent: asked first where to. The status, and the message that the device shows."""
        url = f"{self.server_url}/submission?deviceID=collect%3A1"
        asked = await self._send("HEAD", url)
        if asked.status_code == 204:
            assert int(asked.headers["X-OpenRosa-Accept-Content-Length"]) > 0
            url = asked.headers["Location"]
        files = {"xml_submission_file": ("บ้าน_2022-02-05.xml", form, "text/xml")} | dict(attachments or {})
        return self.shown(await self._send("POST", url, files))

    @staticmethod
    def shown(answer: httpx.Response) -> tuple[int, str]:
        """The status, and the message of an OpenRosaResponse."""
        root = ET.fromstring(answer.content)
        assert root.tag == f"{RESPONSE}OpenRosaResponse"
        return answer.status_code, root.findtext(f"{RESPONSE}message", "")
