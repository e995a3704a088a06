"""Requests for help: by name, what the record is about and the event."""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel

from shared.contracts.events import HelpBefore, HelpStatus, HelpUpdated
from shared.contracts.golden.identity import START, id_of


def help_requests() -> dict[str, tuple[str, BaseModel]]:
    """In the order in which they happened."""

    def request(
        name: str,
        status: HelpStatus,
        revision: int,
        before: HelpStatus | None,
        deadline: timedelta | None,
        **more: Any,
    ) -> BaseModel:
        made = START + timedelta(hours=revision)
        return HelpUpdated(
            request_id=id_of(f"help {name}"),
            kind="medicine",
            area="500101",
            status=status,
            before=before and HelpBefore(kind="medicine", area="500101", status=before, deadline=made),
            deadline=None if deadline is None else made + deadline,
            updated_at=made,
            revision=revision,
            asked_at=START + timedelta(hours=1),
            **more,
        )

    soon, accepted = timedelta(hours=2), {"accepted_at": START + timedelta(hours=2)}
    waiting = HelpStatus.WAITING
    return {
        "waiting": ("somebody asks; nothing before", request("A", waiting, 1, None, soon)),
        "accepted": ("a volunteer took it", request("A", HelpStatus.ACCEPTED, 2, waiting, soon, **accepted)),
        "helping": (
            "help is on its way",
            request("A", HelpStatus.HELPING, 3, HelpStatus.ACCEPTED, soon, **accepted),
        ),
        "done": (
            "done; nothing is due any more",
            request("A", HelpStatus.DONE, 4, HelpStatus.HELPING, None, outcome="helped", **accepted),
        ),
        "cancelled": (
            "no longer needed",
            request("B", HelpStatus.CANCELLED, 2, waiting, None, outcome="cancelled"),
        ),
        "expired": ("nobody came in time", request("C", HelpStatus.EXPIRED, 3, waiting, None, escalation=3)),
        "late": (
            "late: the coordinator is told",
            request("C", waiting, 2, waiting, soon, escalation=1),
        ),
        "merged": (
            "asks for the same as another",
            request("D", HelpStatus.CANCELLED, 2, waiting, None, outcome="merged", merged_into=id_of("help A")),
        ),
    }
