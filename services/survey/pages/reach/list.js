// A list of persons to reach, chosen from and given out: taken, assigned, handed over, given back.

import { ask } from "../api.js";
import { volunteerOptions, volunteersOf } from "../desk/names.js";
import { action } from "../form.js";
import { day, fill, h, notice, number, say, STAFF } from "../page.js";
import { personCard } from "./person.js";

const DISTRICT = 4; // digits of the widest area whose volunteers are chosen from
const AT_ONCE = 50;
const DONE = ["claimed", "kept", "returned"];

/** Who gives persons to others. */
export const assigns = (who) => STAFF.includes(who.role);
/** Who goes to persons himself. */
export const visits = (who) => !who.role.endsWith("_administrator");

/** The volunteers of an area by name, for who may read them. */
export function known(who, area) {
  return assigns(who) && area.length >= DISTRICT ? volunteersOf(area) : Promise.resolve(new Map());
}

/** Shows a list; `query` is what it is of, `empty` what is said of an empty one. */
export async function showList(place, { area, who, query, empty = "nobodyHere", choose = null }) {
  const volunteers = await known(who, area);
  const rows = h("ul", { class: "list", label: "persons" });
  const chosen = new Map(); // key -> {item, box}
  const told = h("p", { class: "hint", role: "status" });
  const further = action({ text: "more", hidden: true, run: () => load() });
  const tools = giving();
  let cursor = null;
  const all = h("input", { type: "checkbox", id: "choose-all", on: { change: () => rows.querySelectorAll(".pick").forEach((box) => box.checked !== all.checked && box.click()) } });
  fill(place, choose, tools, h("div", { class: "tick" }, all, h("label", { for: "choose-all", text: "chooseAll" })), rows, h("div", { class: "buttons" }, further));
  await load();

  async function load() {
    const page = await ask("GET", "/v1/need-to-reach", { query: { area, limit: AT_ONCE, cursor, ...query } });
    cursor = page.cursor;
    further.hidden = cursor === null;
    rows.append(...page.items.map(row));
    const nobody = rows.children.length === 0;
    all.parentElement.hidden = tools.hidden = nobody;
    rows.hidden = nobody;
    if (nobody && cursor === null) place.append(h("p", { class: "empty", text: empty }));
  }

  function row(item) {
    const box = h("input", { type: "checkbox", class: "pick", label: () => say("choosePerson", { name: item.name ?? say("unnamed") }), on: { change: () => pick(item, box) } });
    return personCard(item, { who, volunteers, before: box });
  }

  function pick(item, box) {
    const key = `${item.household_id} ${item.person_id}`;
    if (box.checked) chosen.set(key, item);
    else chosen.delete(key);
    fill(told, h("span", { text: ["chosen", { number: () => number(chosen.size) }] }));
  }

  /** The buttons, with what they need beside them. */
  function giving() {
    const whose = h("select", { id: "whose" }, volunteerOptions(volunteers, "chooseVolunteer"));
    const by = h("input", { id: "due-by", type: "date" });
    const due = () => (by.value ? { due_at: `${by.value}T23:59:59+07:00` } : {});
    const to = () => {
      if (whose.value === "") throw Object.assign(new Error(say("chooseWhom")), { isRefusal: true });
      return { volunteer_id: whose.value, ...due() };
    };
    const choosing = assigns(who) && volunteers.size > 0;
    return h(
      "section",
      { class: "card giving" },
      told,
      choosing && h("div", { class: "field" }, h("label", { for: "whose", text: "giveTo" }), whose),
      h("div", { class: "field" }, h("label", { for: "due-by" }, h("span", { text: "dueBy" }), h("small", { text: "optional" })), by),
      h(
        "div",
        { class: "buttons" },
        choosing && action({ text: "assign", class: "button primary", run: () => change("PUT", "", to()) }),
        assigns(who) && action({ text: "takeBack", run: () => change("POST", "/withdrawal") }),
        visits(who) && action({ text: "take", class: choosing ? "button" : "button primary", run: () => change("POST", "", due()) }),
        visits(who) && action({ text: "giveBack", run: () => change("POST", "/return") }),
        visits(who) && choosing && action({ text: "handOver", run: () => change("POST", "/handover", to()) }),
      ),
    );
  }

  async function change(method, to, more = {}) {
    if (chosen.size === 0) return notice("chooseFirst");
    const persons = [...chosen.values()].map(({ household_id, person_id }) => ({ household_id, person_id }));
    const { results } = await ask(method, `/v1/need-to-reach/claims${to}`, { json: { persons, ...more } });
    const failed = results.filter(({ outcome }) => !DONE.includes(outcome));
    const done = results.length - failed.length;
    const why = [...new Set(failed.map(({ message }) => message))].join(" · ");
    await showList(place, { area, who, query, empty, choose });
    notice(failed.length > 0 ? ["notChanged", { done, failed: failed.length, why }] : ["changed", { done }], failed.length > 0 ? "bad" : "good");
  }
}

/** How the order is made, to be opened. */
export async function explanation() {
  const { priorities } = await ask("GET", "/v1/need-to-reach/priorities");
  const now = priorities.find((one) => one.now) ?? priorities[0];
  return h(
    "details",
    { class: "card order" },
    h("summary", { text: "howOrdered" }),
    h("ol", {}, now.ranks.map(({ meaning }) => h("li", {}, meaning))),
    h("p", {}, now.within_a_rank),
    h("p", { class: "hint", text: ["since", { day: () => day(`${now.since}T00:00:00+07:00`) }] }),
  );
}
