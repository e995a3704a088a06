// A village house by house: what became of each, whose it is, and giving houses to volunteers. Printed, it is a list to
// walk with.

import { ask, list } from "../api.js";
import { placeName } from "../areas.js";
import { action, askInWindow } from "../form.js";
import { day, fill, h, notice, number, say } from "../page.js";
import { nameOf, volunteerOptions, volunteersOf } from "./names.js";

const MOST = 2_000; // houses of one village
const AT_ONCE = 500; // as many as one request assigns
const NUMBERS = new Intl.Collator("th", { numeric: true });

/** What a village is called: by its number; "-" is none. */
export function villageName(code) {
  return () => (code === "-" || !code ? say("noVillage") : say("villageNumber", { number: Number(code.slice(-2)) }));
}

/** Shows the houses of a village. */
export async function showVillage(place, { area, village, who }) {
  const [volunteers, { entries, more }] = await Promise.all([volunteersOf(area), list("/v1/houses", "items", { query: { area, village }, most: MOST })]);
  const houses = entries.toSorted((one, other) => NUMBERS.compare(`${one.house ?? "~"} ${one.unit ?? ""}`, `${other.house ?? "~"} ${other.unit ?? ""}`));
  const chosen = new Set();
  const rows = h("tbody", {});
  const told = h("p", { class: "hint", role: "status" });
  const state = h("select", { id: "only", on: { change: show } }, ["", "new", "revisit", "done"].map((each) => h("option", { value: each, text: each ? `state_${each}` : "everyHouse" })));
  const whose = h("select", { id: "whose" }, volunteerOptions(volunteers, "chooseVolunteer"));
  const first = h("input", { id: "first-number", inputmode: "text" });
  const last = h("input", { id: "last-number", inputmode: "text" });
  const all = h("input", { type: "checkbox", label: "chooseAll", on: { change: () => choose(all.checked ? shown() : []) } });

  place.append(
    h("p", { class: "only-print", text: () => `${villageName(village)()} ${placeName(area, 4)()} · ${day(new Date().toISOString())}` }),
    h(
      "section",
      { class: "card tools" },
      h("div", { class: "field" }, h("label", { for: "only", text: "showOnly" }), state),
      h("fieldset", {}, h("legend", { text: "chooseRange" }), h("div", { class: "range" }, h("label", { for: "first-number", text: "from" }), first, h("label", { for: "last-number", text: "to" }), last, action({ text: "chooseThem", run: range }))),
      h("div", { class: "field" }, h("label", { for: "whose", text: "giveTo" }), whose),
      h("div", { class: "buttons" }, action({ text: "assign", class: "button primary", run: () => assign(whose.value, false) }), action({ text: "takeBack", run: () => assign(null, false) }), action({ text: "removeHouses", class: "button bad", run: remove }), h("button", { type: "button", class: "button", text: "print", on: { click: () => window.print() } })),
      told,
    ),
    h(
      "div",
      { class: "card scroll", tabindex: "0", role: "region", label: "houseByHouse" },
      h("table", { class: "houses by-house" }, h("caption", { text: "houseByHouse" }), h("thead", {}, h("tr", {}, h("td", { class: "pick" }, all), ["houseNumber", "whatBecame", "count_last", "count_wanting", "whoseHouse"].map((text) => h("th", { scope: "col", class: "words", text })), h("th", { scope: "col", class: "only-print words", text: "remarks" }))), rows),
    ),
    ...(more ? [h("p", { class: "hint", text: "moreHouses" })] : []),
  );
  show();

  function shown() {
    return houses.filter((one) => state.value === "" || one.state === state.value);
  }

  function show() {
    choose([...chosen].filter((one) => shown().includes(one)));
  }

  function choose(wanted) {
    chosen.clear();
    for (const one of wanted) if (one.listed) chosen.add(one);
    fill(rows, shown().length === 0 ? h("tr", {}, h("td", { colspan: "6", class: "words", text: "noHouses" })) : shown().map(row));
    count();
  }

  function count() {
    fill(told, h("span", { text: () => say("chosenOf", { chosen: number(chosen.size), shown: number(shown().length) }) }));
    all.checked = chosen.size > 0 && chosen.size === shown().filter(({ listed }) => listed).length;
  }

  function row(one) {
    const pick = h("input", {
      type: "checkbox",
      checked: chosen.has(one),
      label: () => say("chooseHouse", { house: text(one) }),
      on: {
        change: () => {
          if (pick.checked) chosen.add(one);
          else chosen.delete(one);
          count();
        },
      },
    });
    return h(
      "tr",
      { "data-state": one.state, "data-house": one.house },
      h("td", { class: "pick" }, one.listed ? pick : null),
      h("th", { scope: "row" }, h("span", { text: () => text(one) })),
      h("td", { class: "words became" }, h("span", { class: `tag ${{ done: "good", revisit: "waiting", new: "bad" }[one.state]}`, text: `state_${one.state}` }), !one.listed && [" ", h("span", { class: "tag", text: "offList" }), " ", action({ text: "putOnList", class: "link", run: () => putOn(one) })]),
      h("td", { class: "words visited", text: () => (one.last_visit_at ? day(one.last_visit_at) : "–") }),
      h("td", { class: "words wanted", text: () => (one.wanting > 0 ? number(one.wanting) : "–") }),
      h("td", { class: "words whose" }, one.volunteer_id ? nameOf(volunteers, one.volunteer_id) : one.listed && h("span", { class: "soft", text: "nobodys" })),
      h("td", { class: "only-print" }),
    );
  }

  function text({ house, unit }) {
    return house === null ? say("unreadable") : unit ? `${house} (${unit})` : house;
  }

  function range() {
    const from = first.value.trim();
    const to = last.value.trim();
    if (from === "" || to === "") return notice("rangeNeedsBoth");
    // Up to 30 includes 30/5, as at the service.
    choose(shown().filter(({ house }) => house !== null && NUMBERS.compare(from, house) <= 0 && (NUMBERS.compare(house, to) <= 0 || house.startsWith(`${to}/`))));
  }

  async function assign(volunteer, takeOver) {
    if (volunteer === "") return notice("volunteerFirst");
    const ids = [...chosen].map((one) => one.household_id);
    if (ids.length === 0) return notice("housesFirst");
    let given = 0;
    let held = 0;
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const done = await ask("POST", "/v1/houses/assignments", { json: { volunteer_id: volunteer, household_ids: ids.slice(start, start + AT_ONCE), take_over: takeOver } });
      given += done.assigned;
      held += done.held;
    }
    await again();
    notice(() => say("assigned", { given: number(given) }), "good");
    if (held > 0) askInWindow({ title: ["heldByOthers", { held: () => number(held) }], parts: [h("p", { text: "takeOverAsk" })], submit: "takeOver", send: () => assign(volunteer, true) });
  }

  function remove() {
    if (chosen.size === 0) return notice("housesFirst");
    const wanted = [...chosen];
    askInWindow({
      title: ["removeAsk", { count: () => number(wanted.length) }],
      parts: [h("p", { text: "removeMeans" })],
      submit: "removeHouses",
      send: async () => {
        for (const one of wanted) await ask("DELETE", `/v1/houses/${one.household_id}`);
        chosen.clear();
        await again();
        notice(() => say("removed", { count: number(wanted.length) }), "good");
      },
    });
  }

  async function putOn({ house, unit }) {
    await ask("POST", "/v1/houses", { json: { area, village: village === "-" ? null : village, house, unit } });
    await again();
  }

  async function again() {
    const kept = { state: state.value, volunteer: whose.value, ids: new Set([...chosen].map((one) => one.household_id)) };
    const { entries: fresh } = await list("/v1/houses", "items", { query: { area, village }, most: MOST });
    houses.splice(0, houses.length, ...fresh.toSorted((one, other) => NUMBERS.compare(`${one.house ?? "~"} ${one.unit ?? ""}`, `${other.house ?? "~"} ${other.unit ?? ""}`)));
    choose(houses.filter((one) => kept.ids.has(one.household_id)));
  }
}
