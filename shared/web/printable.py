"""Copies of somebody's data as a page to be read and printed: without style or script, so that it opens anywhere."""

import html
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from shared.observability.clock import BANGKOK
from shared.web.problems import Message

_MADE_AT: Final = Message("จัดทำเมื่อ", "Made at")
_NOTHING: Final = Message("ไม่มี", "Nothing")


def printable(
    document: Mapping[str, Any],
    *,
    title: Message,
    sections: Sequence[str],
    words: Mapping[str, Message],
    language: str,
    also: Sequence[Message] = (),
) -> str:
    """The page of `document`, which has `made_at` and one member for each of `sections`.

    words: what members are called, by their names; those without any are shown as they are. also: said at the end.
    """

    def say(key: str) -> str:
        known = words.get(key)
        return key if known is None else known.in_language(language)

    heading = html.escape(title.in_language(language))
    parts = [
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{heading}</title></head><body>"
        f"<h1>{heading}</h1><p>{_MADE_AT.in_language(language)} {html.escape(_text(document['made_at']))}</p>"
    ]
    for name in sections:
        parts.append(f"<h2>{html.escape(say(name))}</h2>")
        value = document[name]
        parts.append(_shown(value, say) if value else f"<p>{_NOTHING.in_language(language)}</p>")
    parts += [f"<p>{html.escape(one.in_language(language))}</p>" for one in also]
    parts.append("</body></html>")
    return "".join(parts)


def as_file(document: Mapping[str, Any], page: str | None, language: str) -> Response:
    """The copy as a file that nobody keeps on the way: JSON, or the `page` that was made of it."""
    kind = "json" if page is None else "html"
    headers = {
        "Content-Disposition": f'attachment; filename="my-data.{kind}"',
        "Cache-Control": "no-store",
        "Content-Language": language,
    }
    if page is None:
        return JSONResponse(document, headers=headers)
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def _shown(value: Any, say: Callable[[str], str]) -> str:
    if isinstance(value, Mapping):
        rows = "".join(
            f"<dt>{html.escape(say(str(key)))}</dt><dd>{_shown(one, say)}</dd>"
            for key, one in value.items()
            if one not in (None, [], {})
        )
        return f"<dl>{rows}</dl>"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "<ol>" + "".join(f"<li>{_shown(one, say)}</li>" for one in value) + "</ol>"
    return html.escape(_text(value))


def _text(value: Any) -> str:
    """Times as Thailand's clocks show them; all else as it is."""
    if isinstance(value, str) and len(value) >= 20 and value[10:11] == "T":
        try:
            return datetime.fromisoformat(value).astimezone(BANGKOK).strftime("%Y-%m-%d %H:%M")
        except ValueError:
            return value
    return str(value)
