// Who was at the doors of the area, how often, and what of their own houses is done.

import { ask } from "../api.js";
import { field, form } from "../form.js";
import { fill, h, moment, number, say } from "../page.js";
import { nameOf, volunteersOf } from "./names.js";

const DAYS = 7;
const COUNTS = ["visits", "households", "follow_ups", "flagged"];

/** Shows volunteers' progress in some days; the last seven to begin with. */
export async function showVolunteers(place, { area }) {
  const today = thaiDay(new Date());
  const begin = thaiDay(new Date(Date.now() - (DAYS - 1) * 86_400_000));
  const found = h("div", { role: "status" });
  place.append(
    h(
      "section",
      { class: "card" },
      form({
        parts: [h("div", { class: "days-asked" }, field({ name: "from", label: "firstDay", type: "date", value: begin, required: false, marked: false }), field({ name: "to", label: "lastDay", type: "date", value: today, required: false, marked: false }))],
        submit: "show",
        quiet: true,
        send: (days) => show(days),
      }),
    ),
    found,
  );
  await show({ from: begin, to: today });

  async function show(days) {
    const [volunteers, answer] = await Promise.all([volunteersOf(area), ask("GET", "/v1/desk/volunteers", { query: { area, ...days } })]);
    if (answer.volunteers.length === 0) return fill(found, h("p", { class: "empty", text: "nobodyThere" }));
    const head = h("tr", {}, h("th", { scope: "col", text: "volunteer" }), [...COUNTS, "last_seen", "own_done"].map((name) => h("th", { scope: "col", text: `progress_${name}` })));
    fill(
      found,
      h("p", { class: "big", text: ["visitsAltogether", { visits: () => number(answer.visits), volunteers: () => number(answer.volunteers.length) }] }),
      h(
        "div",
        { class: "card scroll", tabindex: "0", role: "region", label: "view_volunteers" },
        h("table", { class: "numbers" }, h("caption", { text: "view_volunteers" }), h("thead", {}, head), h("tbody", {}, answer.volunteers.map((one) => line(volunteers, one)), sum(answer))),
      ),
      h("p", { class: "hint", text: "progressMeans" }),
      !answer.complete && h("p", { class: "hint", text: "notAllVolunteers" }),
    );
  }
}

function line(volunteers, one) {
  return h(
    "tr",
    { "data-volunteer": one.volunteer_id },
    h("th", { scope: "row" }, nameOf(volunteers, one.volunteer_id)),
    COUNTS.map((name) => h("td", { text: () => number(one[name]) })),
    h("td", { text: () => (one.last_seen_at ? moment(one.last_seen_at) : "–") }),
    h("td", { text: () => (one.assigned > 0 ? say("doneOfShort", { done: number(one.done), listed: number(one.assigned) }) : "–") }),
  );
}

function sum(answer) {
  return h("tr", { class: "sum" }, h("th", { scope: "row", text: "altogether" }), h("td", { text: () => number(answer.visits) }), h("td", {}, "–"), h("td", { text: () => number(answer.follow_ups) }), h("td", { text: () => number(answer.flagged) }), h("td", {}, "–"), h("td", {}, "–"));
}

/** The day in Thailand, YYYY-MM-DD. */
function thaiDay(moment) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Bangkok" }).format(moment);
}
