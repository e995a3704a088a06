// Where persons to reach are: districts of a province, squares of a district, and in a subdistrict each of them.

/* global L */

import { ask } from "../api.js";
import { learnNames, placeName } from "../areas.js";
import { borderedMap } from "../borders.js";
import { fill, h, number } from "../page.js";
import { known } from "./list.js";
import { personCard } from "./person.js";

const HALF = 0.005; // of a square, in degrees
const COLOURS = { free: "#a3202a", owned: "#14734b", late: "#b25a00" };
const CLOSEST = 13;

/** Shows the map of an area. */
export async function showMap(place, { area, who, address }) {
  if (area === "") return fill(place, h("p", { class: "empty", text: "chooseProvince" }));
  const [told, volunteers] = await Promise.all([ask("GET", "/v1/need-to-reach/map", { query: { area } }), known(who, area)]);
  await learnNames(told.parts.map((part) => part.area));
  const frame = h("div", { class: "reach-map", role: "group", label: "mapOf" });
  const chosen = h("ul", { class: "list", "aria-live": "polite" });
  const sums = added([...told.cells, ...told.parts, ...(told.unlocated ? [told.unlocated] : [])]);
  fill(
    place,
    sumsOf(sums),
    told.unlocated && h("p", { class: "hint", text: ["unlocated", { persons: () => number(told.unlocated.persons) }] }),
    told.parts.length === 0 && h("p", { class: "legend" }, Object.keys(COLOURS).map((name) => h("span", { class: `key ${name}`, text: `legend${name[0].toUpperCase()}${name.slice(1)}` }))),
    frame,
    told.more && h("p", { class: "hint", text: "firstOnes" }),
    h("p", { class: "hint credit" }, h("span", { text: "boundaries" }), ": Royal Thai Survey Department / OCHA, geoBoundaries (CC BY 3.0 IGO)"),
    chosen,
    told.parts.length > 0 && h("ul", { class: "list two" }, told.parts.map((part) => h("li", {}, h("a", { class: "name", href: address({ area: part.area, view: "map" }), text: placeName(part.area, 4) }), sumsOf(part)))),
  );
  const { map, borders } = borderedMap(frame, { scrollWheelZoom: false });
  map.on("focus", ({ target }) => target.scrollWheelZoom.enable()).on("blur", ({ target }) => target.scrollWheelZoom.disable());
  const most = Math.max(1, ...[...told.cells, ...told.parts].map(({ free }) => free));
  const shapes = await borders;
  const own = L.geoJSON(shapes.filter(({ properties }) => properties.code.startsWith(area.slice(0, 4))), {
    style: ({ properties }) => partStyle(told.parts.find((part) => part.area === properties.code), most),
    interactive: false,
  }).addTo(map);
  const marks = L.featureGroup().addTo(map);
  for (const cell of told.cells) marks.addLayer(square(cell, most));
  for (const item of told.items) if (item.position) marks.addLayer(mark(item, () => fill(chosen, personCard(item, { who, volunteers }))));
  const bounds = marks.getLayers().length > 0 ? marks.getBounds() : own.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.1), { maxZoom: CLOSEST, animate: false });
}

function added(all) {
  const sums = { persons: 0, at_risk: 0, home_visit: 0, free: 0, late: 0 };
  for (const one of all) for (const name of Object.keys(sums)) sums[name] += one[name];
  return sums;
}

function sumsOf(sums) {
  const written = Object.fromEntries(Object.keys(sums).map((name) => [name, () => (typeof sums[name] === "number" ? number(sums[name]) : "")]));
  return h("div", {}, h("p", { class: "big", text: ["wantingHere", written] }), h("p", { class: "hint", text: ["ofThem", written] }));
}

/** The more whom nobody has taken on, compared with where most of them are, the darker. */
function shade(free, most) {
  return 0.05 + (0.5 * free) / most;
}

function partStyle(part, most) {
  return { color: "#0d5c75", weight: 2, fillColor: COLOURS.free, fillOpacity: part ? shade(part.free, most) : 0 };
}

function square({ lat, lon, free }, most) {
  return L.rectangle([[lat - HALF, lon - HALF], [lat + HALF, lon + HALF]], { color: COLOURS.free, weight: 0.6, fillColor: COLOURS.free, fillOpacity: shade(free, most), interactive: false });
}

function mark(item, choose) {
  const colour = item.late ? COLOURS.late : item.owner === null ? COLOURS.free : COLOURS.owned;
  return L.circleMarker([item.position.lat, item.position.lon], { radius: 7, color: "#ffffff", weight: 2, fillColor: colour, fillOpacity: 1 }).on("click", choose);
}
