"""Text messages to those who waited for a place at a session and have one now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from services.registration.http.parts import Parts
from services.registration.sms import TextMessage
from shared.observability.clock import BANGKOK


def tell(parts: Parts, moved_up: Sequence[UUID]) -> None:
    """Send a text message to each of those who got a place."""
    # Tried, not promised, as all text messages are; the place is his whether or not the message comes.
    for sign_up_id in moved_up:
        parts.messenger.offer(partial(_moved_up_message, parts, sign_up_id))


async def _moved_up_message(parts: Parts, sign_up_id: UUID) -> TextMessage | None:
    notice = await parts.trainings.sign_ups.notice(sign_up_id)
    if notice is None:
        return None
    at = notice.begins_at.astimezone(BANGKOK)
    return TextMessage(
        notice.phone,
        f"ท่านได้ที่นั่งอบรม {notice.title_th} วันที่ {at:%d/%m}/{at.year + 543} เวลา {at:%H:%M} น. / "
        f"You have a place now: {notice.title_en}, {at:%d/%m/%Y %H:%M}",
    )
