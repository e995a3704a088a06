"""Which tables of reporting hold sealed rows, what each is bound to, and by which keys they are sealed."""

from typing import Final

from services.reporting.settings import SubscriberSettings
from services.reporting.subscribers.store import FIELD as PASSWORD
from services.reporting.webhooks.store import FIELD as SECRET
from shared.postgres.rewrapping import SealedTable
from shared.security.sealing import KeyRing

SEALED_TABLES: Final = (
    SealedTable("subscriber", "subscriber_id", f"'{PASSWORD}'", "sealing_key_id"),
    SealedTable("webhook_subscription", "subscription_id", f"'{SECRET}'", "sealing_key_id"),
    SealedTable("webhook_subscription", "subscription_id", f"'{SECRET}'", "previous_key_id", "previous_wrapped"),
)


def sealing_ring() -> KeyRing | None:
    """The keys; None where nobody is given a secret, so that there is nothing to be sealed."""
    path = SubscriberSettings().sealing_keys_file
    return None if path is None else KeyRing.from_file(path)
