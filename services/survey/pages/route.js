// A morning's visits in order, to be walked with a phone or printed.

import { ask } from "./api.js";
import { action } from "./form.js";
import { whereThisIs } from "./here.js";
import { begin, fill, h, moment, notice, number } from "./page.js";
import { calledBy, phoneOf } from "./reach/person.js";
import "./reach/text.js";

const owner = new URLSearchParams(location.search).get("owner") ?? "me";

begin({ title: "route", signedIn: true, wide: true }, async (main) => {
  const found = h("div", { id: "route", role: "status" });
  main.append(h("div", { class: "buttons tools" }, action({ text: "startHere", run: fromHere }), h("button", { type: "button", class: "button", text: "print", on: { click: () => window.print() } }), h("a", { class: "button", href: "/reach?view=mine", text: "view_mine" })), found);
  await show(null);

  async function fromHere() {
    try {
      const { latitude, longitude } = await whereThisIs();
      await show({ lat: latitude, lon: longitude });
    } catch (error) {
      if (error.isRefusal) throw error;
      notice("noPosition");
    }
  }

  async function show(start) {
    const route = await ask("POST", "/v1/need-to-reach/route", { json: { owner, start } });
    const stops = [...route.located, ...route.unlocated];
    if (stops.length === 0) return fill(found, h("p", { class: "empty", text: "routeEmpty" }));
    const persons = stops.reduce((sum, { items }) => sum + items.length, 0);
    fill(
      found,
      h("p", { class: "lead", text: ["routeMade", { time: () => moment(route.made_at), stops: () => number(stops.length), persons: () => number(persons), km: () => number(Math.round(route.metres / 100) / 10) }] }),
      route.located.length > 0 && table("located", route.located, 1),
      route.unlocated.length > 0 && table("withoutPosition", route.unlocated, route.located.length + 1),
    );
  }
});

function table(caption, stops, from) {
  return h(
    "table",
    { class: "stops card" },
    h("caption", { text: caption }),
    h("thead", {}, h("tr", {}, ["stop", "where", "whom"].map((text) => h("th", { scope: "col", text })), h("th", { scope: "col", class: "only-print", text: "result" }))),
    h("tbody", {}, stops.map((stop, index) => row(stop, from + index))),
  );
}

function row({ metres, items }, place) {
  const [first] = items;
  return h(
    "tr",
    {},
    h("th", { scope: "row", text: () => number(place) }),
    h("td", { class: "words" }, h("p", { class: "line" }, first.address), first.position && h("p", { class: "line soft", text: metres === null ? "setOut" : ["away", { metres: () => number(metres) }] }), h("p", { class: "line" }, phoneOf(first))),
    h(
      "td",
      { class: "words" },
      items.map((item) =>
        h(
          "div",
          { class: "visit" },
          h("p", { class: "line" }, calledBy(item), item.age !== null && h("span", { text: ["years", { age: () => number(item.age) }] }), item.late && h("span", { class: "tag late", text: "late" })),
          h("p", { class: "why-line" }, item.why.map(({ code, message }) => h("span", { class: "why-tag", "data-why": code }, message))),
          item.status === "appointed" && h("p", { class: "line", text: ["appointedOn", { time: () => moment(item.due_at) }] }),
        ),
      ),
    ),
    h("td", { class: "only-print" }),
  );
}
