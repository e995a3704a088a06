// Where a coordinator is there and where none is: counts by province, the areas that lack one, and whom to call.

import { ask, holder, list } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { action } from "./form.js";
import { begin, day, fill, h, number, say } from "./page.js";
import { save } from "./saving.js";

const SHOWN = 50; // rows; whoever needs more chooses a province, or takes the export
const REFRESH_MS = 30_000; // who reads it sees a sign-in within half a minute
const OWN = holder()?.area ?? "";

let level = OWN.length < 4 ? "district" : "subdistrict";
let asked = 0;

begin({ title: "coordinators", signedIn: true, wide: true }, async (main) => {
  const answer = h("div", {});
  const show = () => showCoverage(answer, area.value, async (code) => {
    await area.set(code);
    await show();
    answer.querySelector("h3").focus();
  });
  const area = areaChoice({ label: "area", inside: OWN, whole: true, depth: 4, changed: () => show() });
  const levels = ["district", "subdistrict"].filter((each) => OWN.length < 6 || each === "subdistrict");
  const tabs = h(
    "div",
    { class: "tabs", role: "group", label: "level" },
    levels.map((each) =>
      h("button", {
        type: "button",
        class: "button",
        text: each === "district" ? "byDistrict" : "bySubdistrict",
        "aria-pressed": String(each === level),
        on: {
          click: () => {
            level = each;
            for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.level === level));
            show();
          },
        },
        "data-level": each,
      }),
    ),
  );
  main.append(
    h("p", { class: "soft", text: "coverageExplained" }),
    h("section", { class: "card" }, tabs, OWN.length < 4 && area.element, h("div", { class: "buttons" }, action({ text: "exportCsv", run: () => save("/v1/coordinators/coverage.csv", null, { area: area.value, level }) }))),
    answer,
  );
  await area.ready;
  await show();
  setInterval(() => document.visibilityState === "visible" && show().catch(() => {}), REFRESH_MS); // the next time it may work
});

async function showCoverage(box, area, choose) {
  const turn = ++asked;
  const open = new Set([...box.querySelectorAll("details[open]")].map((each) => each.dataset.name));
  const [coverage, contacts] = await Promise.all([
    ask("GET", "/v1/coordinators/coverage", { query: { area, level } }),
    list("/v1/coordinators", "coordinators", { query: { area }, most: 100 }),
  ]);
  await learnNames([...coverage.rows.map((row) => row.area), ...contacts.entries.map((one) => one.area), area]);
  if (turn !== asked) return; // another area was chosen meanwhile
  fill(box, summary(coverage, area), h("div", { class: "grid" }, provinces(coverage, choose), coverage.provinces.length === 1 && lacking(coverage)), people(contacts));
  for (const details of box.querySelectorAll("details")) details.open = open.has(details.dataset.name);
}

function summary({ counts, active_since: since }, area) {
  const place = placeName(area);
  const figures = ["covered", "inactive", "none"].map((state) =>
    h("li", {}, h("span", { class: "row" }, h("b", { class: "count", "data-count": state, text: () => number(counts[state]) }), h("span", { class: `tag ${state}`, text: `coverage_${state}` }))),
  );
  return h(
    "section",
    { class: "card" },
    h("h3", { tabindex: "-1", text: () => say("coverageOf", { area: place, total: number(counts.total) }) }),
    h("ul", { class: "counts" }, figures),
    h("p", { class: "hint", text: () => say("activeSince", { day: day(since) }) }),
  );
}

function provinces({ provinces: rows }, choose) {
  if (rows.length < 2) return null;
  const head = h("tr", {}, h("th", { scope: "col", text: "province" }), ["total", "coverage_covered_short", "coverage_inactive_short", "coverage_none_short"].map((text) => h("th", { scope: "col", text })));
  const body = rows
    .toSorted((one, other) => other.none + other.inactive - one.none - one.inactive || one.area.localeCompare(other.area))
    .map((row) => h("tr", {}, h("th", { scope: "row" }, h("button", { type: "button", class: "link", text: placeName(row.area), on: { click: () => choose(row.area) } })), ["total", "covered", "inactive", "none"].map((key) => h("td", { text: () => number(row[key]) }))));
  return h("section", { class: "card" }, h("table", {}, h("caption", {}, h("span", { text: "byProvince" }), h("span", { class: "hint", text: "chooseProvince" })), h("thead", {}, head), h("tbody", {}, body)));
}

function lacking({ rows, cursor }) {
  const title = h("h3", { text: "lacking" });
  if (rows.length === 0) return h("section", { class: "card" }, title, h("p", { class: "empty", text: "nothingLacks" }));
  const shown = rows.slice(0, SHOWN).map((row) =>
    h(
      "tr",
      {},
      h("th", { scope: "row", text: placeName(row.area) }),
      h("td", {}, h("span", { class: `tag ${row.state}`, text: row.state === "none" ? "coverage_none" : () => (row.last_active_day ? say("lastActive", { day: day(row.last_active_day) }) : say("neverActive")) })),
    ),
  );
  const more = cursor !== null || rows.length > shown.length;
  return h("section", { class: "card" }, title, h("table", {}, h("caption", { class: "unseen", text: "lacking" }), h("tbody", {}, shown)), more && h("p", { class: "hint", text: "moreInExport" }));
}

function people({ entries, more }) {
  if (entries.length === 0) return null;
  const rows = entries.map((one) =>
    h(
      "li",
      { class: "row" },
      h("span", { class: "grow" }, h("span", { class: "name" }, one.name ?? h("span", { text: one.role })), h("span", { class: "who", text: () => ` ${say(one.role)} · ${placeName(one.area)()}` })),
      one.phone && h("a", { href: `tel:${one.phone}`, class: "button quiet" }, one.phone),
      h("span", { class: `tag ${one.active ? "good" : "late"}`, text: () => (one.last_active_day ? say("lastActive", { day: day(one.last_active_day) }) : say("neverActive")) }),
    ),
  );
  return h("details", { class: "card", "data-name": "people" }, h("summary", { text: () => say("coordinatorsHere", { count: number(entries.length) + (more ? "+" : "") }) }), h("ul", { class: "list" }, rows));
}
