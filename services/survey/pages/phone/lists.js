// What a volunteer needs of the services without a net, kept sealed: names of areas, houses, persons to reach, and where one
// is vaccinated. Each list is replaced when a newer one has come as a whole.

import { addresses, Away, Refused } from "./session.js";

const MINE = "/v1/need-to-reach?owner=me&limit=200";
const PAGES = 10; // of 100: a volunteer has some 26 houses

/** {areas, houses, reach, points, at}: as they were fetched last. */
export const NOTHING = { areas: [], houses: [], reach: [], points: [], at: null };

export async function storedLists(session) {
  const kept = await session.database.kept("lists");
  return kept === undefined ? NOTHING : { ...NOTHING, ...(await session.vault.unseal(kept, "lists")) };
}

/** Fetches what can be had; a list that cannot stays as it was. Returns all of them. */
export async function fetchLists(session) {
  const lists = await storedLists(session);
  const { registration } = await addresses();
  const { area } = session.who;
  const wanted = {
    areas: () => areasOf(session, registration, area),
    houses: async () => (await paged(session, "/v1/houses?mine=true&limit=500")).sort(byAddress),
    reach: async () => [...(await paged(session, `${MINE}&status=appointed`)), ...(await paged(session, `${MINE}&status=open`))],
    points: async () => (await (await session.ask("GET", `/v1/vaccination-points?area=${area.slice(0, 4)}`)).json()).items,
  };
  let fetched = false;
  for (const [name, fetch] of Object.entries(wanted)) {
    try {
      lists[name] = await fetch();
      fetched = true;
    } catch (error) {
      if (error instanceof Away) break;
      if (!(error instanceof Refused)) throw error;
    }
  }
  if (!fetched) return lists;
  lists.at = Date.now();
  try {
    await session.database.keep("lists", await session.vault.seal(lists, "lists"));
  } catch (error) {
    if (error.name !== "QuotaExceededError") throw error; // the room is for what people wrote
  }
  return lists;
}

/** The subdistricts inside the volunteer's area, as far down as a phone is good for: of his district or his own. */
async function areasOf(session, registration, area) {
  if (area.length < 4) return [];
  const subdistricts = await (await session.ask("GET", `${registration}/v1/areas?within=${area.slice(0, 4)}`)).json();
  return subdistricts.filter(({ code }) => code.startsWith(area)).map(({ code, name_th, name_en }) => ({ code, name: [name_th, name_en] }));
}

const numbered = new Intl.Collator("th", { numeric: true }); // 9 before 10, and 99/2 before 99/10

/** As one walks: by village, house and room. The service's order is that of its ids, which say nothing of that. */
function byAddress(one, other) {
  for (const part of ["village", "house", "unit"]) {
    const order = numbered.compare(one[part] ?? "", other[part] ?? "");
    if (order !== 0) return order;
  }
  return 0;
}

async function paged(session, path) {
  const items = [];
  let cursor = null;
  for (let page = 0; page < PAGES; page += 1) {
    const answer = await (await session.ask("GET", cursor === null ? path : `${path}&cursor=${encodeURIComponent(cursor)}`)).json();
    items.push(...answer.items);
    cursor = answer.cursor ?? null;
    if (cursor === null) break;
  }
  return items;
}
