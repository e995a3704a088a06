"""Copies of somebody's data as a page to be read and printed: without style or script, so that it opens anywhere."""

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from shared.observability.clock import BANGKOK
from shared.web.problems import Message

_MADE_AT: Final = Message("จัดทำเมื่อ", "Made at")
_NOTHING: Final = Message("ไม่มี", "Nothing")


@dataclass(frozen=True, slots=True)
class Page:
    """How the copies of one service are printed."""

    title: Message
    sections: Mapping[str, Message]
    """The members of a document that are shown, in this order, and what they are called."""
    words: Mapping[str, Message]
    """What members within them are called; those without a word are shown as they are."""
    cut_short: str
    """The member that says, by being neither false nor empty, that there is more than the copy has."""
    more: Message
    """Said at the end of such a copy."""

    def of(self, document: Mapping[str, Any], language: str) -> str:
        """The page of `document`, which has `made_at`, one member for each of `sections`, and `cut_short`."""
        words = {**self.sections, **self.words}

        def say(key: str) -> str:
            known = words.get(key)
            return key if known is None else known.in_language(language)

        heading = html.escape(self.title.in_language(language))
        parts = [
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{heading}</title></head><body>"
            f"<h1>{heading}</h1><p>{_MADE_AT.in_language(language)} {html.escape(_text(document['made_at']))}</p>"
        ]
        for name, called in self.sections.items():
            parts.append(f"<h2>{html.escape(called.in_language(language))}</h2>")
            value = document[name]
            parts.append(_shown(value, say) if value else f"<p>{_NOTHING.in_language(language)}</p>")
        if document[self.cut_short]:
            parts.append(f"<p>{html.escape(self.more.in_language(language))}</p>")
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
        except (ValueError, OverflowError):  # typed by somebody: no time, or one that Thailand's clocks cannot show
            return value
    return str(value)
