import csv, io, os, random, resource, time
from shared.areas.register import subdistricts
from services.facilities.importer import Importer
from tests.integration.facilities.test_imports import CENTRE, Lists, register, events
async def test_size(client, pool, clock):
    lists = Lists(client, Importer(pool, clock)); r = random.Random(1); subs = [s.code for s in subdistricts()]
    text = io.StringIO(); w = csv.writer(text)
    w.writerow(["ชื่อสถานที่","ประเภท","รหัสตำบล","เตียงทั้งหมด","เตียงว่าง","รหัสสถานพยาบาล","โทรศัพท์","บริการ","หมายเหตุเวลา"])
    for n in range(100_000):
        w.writerow([f"โรงพยาบาลหมู่บ้านที่ {n}", "โรงพยาบาล" if n < 90_000 else "ศูนย์พักคอย", r.choice(subs), 100, r.randrange(100), f"{n:05d}" if n < 90_000 else "", "053936150", "oxygen", "พักเที่ยง"])
    t = time.perf_counter()
    a = (await client.post("/v1/imports?name=a.csv", content=text.getvalue().encode(), headers=CENTRE)).json()
    d = await lists.done(a["import_id"], **CENTRE); print("\ncheck", time.perf_counter() - t, d["counts"], d["failure"])
    await pool.execute("ANALYZE facility_import_row")
    for what in ("application", "undo"):
        t = time.perf_counter(); d = await lists.step(a["import_id"], what, **CENTRE); print(what, time.perf_counter() - t, d["state"], d["failure"], await events(pool))
        if what == "application":
            from services.facilities.imports.conflicts import ENTERED_MEANWHILE
            from uuid import UUID
            t = time.perf_counter(); f = await pool.fetch(ENTERED_MEANWHILE, UUID(a["import_id"])); print("entered_meanwhile against 100,000 places", time.perf_counter() - t, len(f))
            t = time.perf_counter(); b = (await client.post("/v1/imports?name=b.csv", content=text.getvalue().encode()+b"\n", headers=CENTRE)).json()
            d = await lists.done(b["import_id"], **CENTRE); print("check against itself", time.perf_counter() - t, d["counts"])
    print("peak MB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
