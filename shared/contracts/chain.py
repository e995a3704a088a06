"""The sequence rule of every public stream: what a consumer does with the next event of a partition."""

from enum import Enum


class Verdict(Enum):
    """What to do with an event, given the last sequence that was applied in its partition."""

    APPLY = "apply"
    REPETITION = "repetition"
    GAP = "gap"


def judge(last: int | None, sequence: int, previous: int | None) -> Verdict:
    """Judge an event, given the last sequence that was applied in its partition (None: nothing yet).

    * REPETITION: it was applied already; drop it.
    * GAP: something between `last` and `previous` is missing. Stop this partition, say so, and wait for it to be
      published again; never jump over it.
    * APPLY: apply it, and `sequence` is the new `last`, both in one transaction.
    """
    if last is not None and sequence <= last:
        return Verdict.REPETITION
    if previous is not None and (last is None or previous > last):
        return Verdict.GAP
    return Verdict.APPLY
