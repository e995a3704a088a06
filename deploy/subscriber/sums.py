"""What `consumer.py` or `consumer.cjs` has summed up, as `jitasa conformance` asks for it: by subdistrict, as JSON."""

import asyncio
import json
import os

import asyncpg


async def main() -> None:
    """Print the sums of the database that DATABASE_URL or PGHOST and others name; nothing before there are any."""
    database = await asyncpg.connect(os.environ.get("DATABASE_URL"))
    try:
        rows = await database.fetch("SELECT area, events, persons, wanting FROM surveyed")
    except asyncpg.UndefinedTableError:
        rows = []
    finally:
        await database.close()
    told = {row["area"]: {name: row[name] for name in ("events", "persons", "wanting")} for row in rows}
    print(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main())
