"""Which partition a key belongs to: CRC-32, librdkafka's default, so that any producer in any language agrees.

Topics may take only the beginning of the key: see `Topic.partition_of`.
"""

from zlib import crc32


def partition_of(key: str | bytes, partitions: int) -> int:
    """Return the partition of `key` in a topic of that many partitions. Text is taken as UTF-8."""
    return crc32(key.encode() if isinstance(key, str) else key) % partitions
