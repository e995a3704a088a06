"""Holds reporting's figures to what the owning services count in their own databases: `./jitasa admin reconcile`."""

import asyncio
import sys

from rich.console import Console

from deploy.demo.client import Client, by_secret
from deploy.demo.comparison import Difference, reconcile, show
from deploy.demo.figures import Stack
from deploy.local.addresses import Addresses


def main(addresses: Addresses) -> int:
    """Print what differs. 0 when nothing does, 1 otherwise."""
    console = Console() if sys.stdout.isatty() else Console(width=140)
    differences = asyncio.run(_reconcile(addresses))
    if not differences:
        console.print(
            "ตัวเลขของ reporting ตรงกับบริการเจ้าของข้อมูล / reporting agrees with the owning services", highlight=False
        )
        return 0
    console.print(f"ตัวเลขไม่ตรงกัน {len(differences):,} ตัวเลข / {len(differences):,} figures differ:", highlight=False)
    show(console, differences)
    return 1


async def _reconcile(addresses: Addresses) -> list[Difference]:
    async with Client() as client:
        administrator = by_secret(client, addresses.registration, addresses.client_id, addresses.client_secret)
        return await reconcile(Stack(client, addresses, administrator))
