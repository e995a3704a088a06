"""What the files of a stack hold: Kafka's, PostgreSQL's, logs and secrets."""

import re
from typing import Final

from deploy.local.stack import Stack

_EMPTY: Final = bytes(64)
"""A third to a half of the databases' files are zeros, which are slower to look through than anything else. No text is
written with so many in a row, so that nothing is missed when they are left out."""


def files_with(stack: Stack, wanted: "re.Pattern[bytes]") -> dict[str, set[bytes]]:
    """The files of the stack that hold any of it, and what each holds; without the stand-in for phones, and without
    Kafka's indexes, which hold offsets and times only and are two gigabytes of zeros kept free."""
    found = {}
    looked_into = 0
    phones = stack.addresses().sms_sink
    for path in stack.home.state.rglob("*"):
        if path.is_file() and path != phones and path.suffix not in (".index", ".timeindex"):
            looked_into += 1
            if hits := set(wanted.findall(path.read_bytes().replace(_EMPTY, b"\0"))):
                found[str(path.relative_to(stack.home.state))] = hits
    assert looked_into > 100
    return found
