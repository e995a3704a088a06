// Whom to reach: by priority, one's own, late, appointed, on the map, found by a search; and where to send people. Area and
// view stand in the address, so that a view can be kept and gone back to.

import { areaChoice, learnNames, placeName } from "../areas.js";
import { begin, h, WORKERS } from "../page.js";
import { explanation, showList, visits } from "./list.js";
import { showMap } from "./map.js";
import { showPoints } from "./points.js";
import { showSearch } from "./search.js";
import "./text.js";

const VIEWS = { next: showNext, mine: showMine, late: of("late"), appointed: of("appointed"), map: showMap, search: showSearch, points: showPoints };

const asked = new URLSearchParams(location.search);

begin({ title: "reach", signedIn: true, wide: true }, async (main, who) => {
  if (!WORKERS.includes(who.role)) {
    main.append(h("p", { class: "empty", text: "workersOnly" }));
    return;
  }
  const views = Object.keys(VIEWS).filter((each) => each !== "mine" || visits(who));
  const view = views.includes(asked.get("view")) ? asked.get("view") : "next";
  const named = asked.get("area") ?? who.area;
  const area = named.startsWith(who.area) && /^(\d\d){0,3}$/.test(named) ? named : who.area;
  await learnNames([area]);
  const place = h("div", { id: "view" });
  const parts = [
    path(area, who.area, view),
    h("nav", { class: "tabs", label: "views" }, views.map((each) => h("a", { class: "button", href: address({ area, view: each }), text: `view_${each}`, "aria-current": each === view ? "page" : null })), visits(who) && h("a", { class: "button", href: "/route", text: "toRoute" })),
    narrower(area, view),
    place,
  ];
  main.append(...parts.filter(Boolean));
  await VIEWS[view](place, { area, who, address });
});

/** The address of this page for an area and a view. */
function address(wanted) {
  return `?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== undefined))}`;
}

/** From the reader's own area down to the one that is shown, each step a way back. */
function path(area, own, view) {
  const steps = [];
  for (let digits = own.length; digits <= area.length; digits += 2) steps.push(area.slice(0, digits));
  return h("nav", { class: "path", label: "whichArea" }, steps.map((code) => (code === area ? h("span", { "aria-current": "true", text: placeName(code, code.length) }) : h("a", { href: address({ area: code, view }), text: placeName(code, code.length) }))));
}

function narrower(area, view) {
  if (area.length === 6) return null;
  const choice = areaChoice({ name: "narrower", label: "narrower", inside: area, depth: area.length + 2, whole: true, changed: () => location.assign(address({ area: choice.value, view })) });
  return h("section", { class: "card narrower" }, choice.element);
}

async function showNext(place, { area, who }) {
  const list = h("div", {});
  const only = h("select", { id: "only", on: { change: () => show() } }, h("option", { value: "", text: "everybody" }), h("option", { value: "none", text: "onlyFree" }));
  place.append(await explanation(), h("div", { class: "field only" }, h("label", { for: "only", text: "showOnly" }), only), list);
  const show = () => showList(list, { area, who, query: { status: "open", owner: only.value || null } });
  await show();
}

async function showMine(place, { area, who }) {
  const open = h("div", {});
  place.append(open);
  await showList(open, { area, who, query: { owner: "me" }, empty: "nothingMine" });
}

function of(status) {
  return (place, { area, who }) => showList(place, { area, who, query: { status } });
}
