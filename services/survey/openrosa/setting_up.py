"""How a phone is set up: one picture, which ODK Collect and KoboCollect scan, says everything.

The picture is a QR code of Collect's own settings: JSON, packed by zlib, as base64.
"""

import base64
import io
import json
import zlib
from typing import Any, Final

import segno

PROJECT: Final = {"name": "จิตอาสา", "icon": "จ", "color": "#1f6f5c"}
GENERAL: Final = {
    "form_update_mode": "match_exactly",  # the phone has the form that is here, and no other
    "periodic_form_updates_check": "every_one_hour",
    "autosend": "wifi_and_cellular",
    "delete_send": True,  # what a household said stays on the phone only until it is sent
}
_PIXELS: Final = 6
"""A module's edge: the picture is some 350 pixels wide, as large as a phone shows it."""
_BORDER: Final = 4
"""The empty edge that readers of QR codes need."""


def settings(address: str) -> dict[str, Any]:
    """Collect's settings for the interface at `address`."""
    return {"general": {"server_url": address} | GENERAL, "admin": {}, "project": PROJECT}


def scanned(address: str) -> bytes:
    """What the QR code carries."""
    text = json.dumps(settings(address), ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode(), 9))


def picture(address: str, kind: str) -> bytes:
    """The QR code as `png` or `svg`."""
    target = io.BytesIO()
    # Medium correction: it is also printed, folded and photographed.
    code = segno.make(scanned(address), error="m", micro=False, boost_error=False)
    code.save(target, kind=kind, scale=_PIXELS, border=_BORDER, dark="#000", light="#fff")
    return target.getvalue()
