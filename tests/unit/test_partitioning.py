"""Keys to partitions: the same in every language."""

import pytest

from shared.contracts.partitioning import partition_of


@pytest.mark.parametrize(
    ("key", "partition"),
    # CRC-32 of the UTF-8 bytes, modulo 24: the values librdkafka's "consistent" partitioner gives
    [("", 0), ("123456789", 0xCBF43926 % 24), ("ศรีภูมิ", 15)],
)
def test_partition_is_crc32_modulo(key: str, partition: int) -> None:
    assert partition_of(key, 24) == partition
    assert partition_of(key.encode(), 24) == partition
