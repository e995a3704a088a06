// What is done of an area: a bar for each part of it, and the same in numbers.

import { learnNames, placeName } from "../areas.js";
import { ask } from "../api.js";
import { h, moment, number } from "../page.js";
import { bar, legend } from "./bar.js";
import { villageName } from "./village.js";

const COUNTS = ["listed", "done", "new", "revisit", "off_list", "unassigned", "wanting"];

/** Shows a district by its subdistricts, or a subdistrict by its villages. */
export async function showCoverage(place, { area, address }) {
  const found = await ask("GET", "/v1/desk/coverage", { query: { area } });
  const parts = area.length === 6 ? found.villages.map((one) => village(one, address)) : subdistricts(found.villages, address);
  await learnNames(found.villages.map((one) => one.area));
  if (parts.length === 0) {
    place.append(h("p", { class: "empty", text: "noHouses" }), h("p", { class: "buttons" }, h("a", { class: "button primary", href: address({ area, view: "lists" }), text: "bringList" })));
    return;
  }
  place.append(
    h("section", { class: "card", id: "whole" }, h("h3", { text: area.length === 6 ? "coveredHere" : "coveredBySubdistrict" }), summary(found.total), legend()),
    h("section", { class: "card" }, h("ul", { class: "bars" }, parts.map(row))),
    table(parts, found.total, area.length === 6 ? "village" : "subdistrict"),
  );
}

function summary(total) {
  return [
    h("p", { class: "big", text: ["doneOf", { done: () => number(total.done), listed: () => number(total.listed) }] }),
    bar(total),
    h("ul", { class: "counts" }, ["new", "revisit", "off_list", "unassigned", "wanting"].map((name) => h("li", { "data-count": name }, h("span", { class: "count", text: () => number(total[name]) }), " ", h("span", { text: `count_${name}` })))),
    total.last_visit_at && h("p", { class: "hint", text: ["lastVisit", { time: () => moment(total.last_visit_at) }] }),
  ];
}

function village(counts, address) {
  return { name: villageName(counts.village ?? "-"), href: address({ area: counts.area, view: "houses", village: counts.village ?? "-" }), counts };
}

function subdistricts(villages, address) {
  const sums = new Map();
  for (const one of villages) {
    const sum = sums.get(one.area) ?? { last_visit_at: null, ...Object.fromEntries(COUNTS.map((name) => [name, 0])) };
    for (const name of COUNTS) sum[name] += one[name];
    if (one.last_visit_at !== null && (sum.last_visit_at === null || one.last_visit_at > sum.last_visit_at)) sum.last_visit_at = one.last_visit_at;
    sums.set(one.area, sum);
  }
  return [...sums].map(([area, counts]) => ({ name: placeName(area, 6), href: address({ area, view: "houses" }), counts }));
}

function row({ name, href, counts }) {
  return h("li", {}, h("a", { href, text: name }), h("span", { class: "of", text: ["doneOfShort", { done: () => number(counts.done), listed: () => number(counts.listed) }] }), bar(counts));
}

function table(parts, total, first) {
  const head = h("tr", {}, h("th", { scope: "col", text: first }), COUNTS.map((name) => h("th", { scope: "col", text: `count_${name}` })), h("th", { scope: "col", text: "count_last" }));
  const line = (name, counts, href) =>
    h("tr", {}, h("th", { scope: "row" }, href ? h("a", { href, text: name }) : h("span", { text: name })), COUNTS.map((each) => h("td", { text: () => number(counts[each]) })), h("td", { text: () => (counts.last_visit_at ? moment(counts.last_visit_at) : "–") }));
  return h(
    "div",
    { class: "card scroll", tabindex: "0", role: "region", label: "inNumbers" },
    h("table", { class: "numbers" }, h("caption", { text: "inNumbers" }), h("thead", {}, head), h("tbody", {}, parts.map(({ name, counts, href }) => line(name, counts, href)), line("altogether", total))),
  );
}
