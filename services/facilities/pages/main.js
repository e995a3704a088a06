// The public map of places: what is open near me. What is asked stands in the address, so that any view can be sent on.

import { BANGKOK, chosenLanguage, keepLanguage, LANGUAGES, LOCALES, OWN_NAMES } from "./language.js";
import { PlaceMap } from "./map.js";
import { TEXTS } from "./text.js";

const LIMIT = 20;
const TYPING_MS = 350;
const ANSWER_MS = 15_000;
const POSITION = { enableHighAccuracy: false, timeout: 10_000, maximumAge: 300_000 };
const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

let language = chosenLanguage();
let kinds = [];
let provinces = [];
let shown = [];
let cursor = null;
let asked = 0; // of several answers on their way the last question's counts

const byId = (id) => document.getElementById(id);
const state = readState();
const map = new PlaceMap(byId("map"), {
  tap: ({ lat, lng }) => search({ near: `${lat.toFixed(5)},${lng.toFixed(5)}`, area: "", place: "" }),
  choose: (id) => focusOn(id),
  moved: () => drawPoints().catch(complain),
});

begin();

async function begin() {
  const [listed, topology] = await Promise.all([ask("/v1/facility-kinds"), ask("/areas/provinces.topojson")]);
  kinds = listed;
  provinces = topology.objects.provinces.geometries.map(({ properties }) => properties);
  map.setProvinces(topology);
  ask("/areas/districts.topojson").then((districts) => map.setDistricts(districts), () => {}); // lines that help, no more
  speakAll();
  listen();
  await search({})
    .then(() => state.place && focusOn(state.place))
    .catch(complain);
  document.body.dataset.ready = "";
}

// ---- what is asked ----

function readState() {
  const given = new URLSearchParams(location.search);
  return { near: given.get("near") ?? "", area: given.get("area") ?? "", q: given.get("q") ?? "", kind: given.getAll("kind"), open: given.get("open") === "1", place: given.get("place") ?? "" };
}

function writeState() {
  const said = new URLSearchParams();
  for (const name of ["near", "area", "q", "place"]) if (state[name]) said.set(name, state[name]);
  for (const kind of state.kind) said.append("kind", kind);
  if (state.open) said.set("open", "1");
  history.replaceState(null, "", said.size > 0 ? `?${said}` : location.pathname);
}

function question(more = {}) {
  const said = new URLSearchParams(more);
  for (const kind of state.kind) said.append("kind", kind);
  if (state.area) said.set("area", state.area);
  if (state.q) said.set("q", state.q);
  return said;
}

async function search(change) {
  Object.assign(state, change);
  writeState();
  showState();
  const mine = ++asked;
  byId("found").textContent = say("loading");
  const said = question({ limit: LIMIT });
  if (state.near) said.set("near", state.near);
  if (state.open) said.set("open_now", "true");
  const answer = await ask(`/v1/public/places?${said}`);
  if (mine !== asked) return;
  shown = answer.items;
  cursor = answer.cursor;
  notice();
  showPlaces();
  map.show(state.near, state.area, shown);
  await drawPoints();
}

async function more() {
  const said = question({ limit: LIMIT, cursor });
  if (state.open) said.set("open_now", "true");
  const answer = await ask(`/v1/public/places?${said}`);
  shown = [...shown, ...answer.items];
  cursor = answer.cursor;
  showPlaces();
}

async function drawPoints() {
  const { features } = await ask(`/v1/public/places.geojson?${question({ bbox: map.bbox() })}`);
  map.draw(features, { kinds: kindName, group: (count) => say("groupOf", { count: number(count) }) }, state.place);
}

async function ask(path) {
  const answer = await fetch(path, { headers: { "Accept-Language": language }, signal: AbortSignal.timeout(ANSWER_MS) });
  const document = await answer.json();
  if (!answer.ok) throw new Error(document.detail ?? document.title);
  return document;
}

// ---- what is shown ----

function showState() {
  byId("province").value = state.area.slice(0, 2);
  if (byId("q").value !== state.q) byId("q").value = state.q;
  byId("open").checked = state.open;
  for (const box of byId("kinds").querySelectorAll("input")) box.checked = state.kind.includes(box.value);
}

function showPlaces() {
  const count = number(shown.length);
  byId("found").textContent = shown.length === 0 ? "" : state.near ? say("foundNear", { count }) : say(cursor === null ? "found" : "foundMore", { count });
  byId("places").replaceChildren(...(shown.length === 0 ? [element("li", { class: "empty" }, say("nothing"))] : shown.map(card)));
  byId("more").hidden = cursor === null;
}

function card(one) {
  const [kind, text] = standing(one);
  const { lat, lon } = one.position ?? {};
  const item = element(
    "li",
    { "data-place": one.facility_id, "aria-current": one.facility_id === state.place ? "true" : null },
    element("div", { class: "head" }, element("h3", {}, one.name), one.distance_km === undefined ? null : element("span", { class: "soft" }, say("distance", { km: number(one.distance_km, one.distance_km < 10 ? 1 : 0) }))),
    element("p", { class: "soft" }, [kindName(one.kind), provinceName(one.area), one.details.access && say(one.details.access)].filter(Boolean).join(" · ")),
    element("p", { class: "soft" }, element("span", { class: "state", "data-state": kind }, text), one.free === null ? null : ` ${say("beds", { free: number(one.free), all: number(one.capacity) })}`),
    one.overdue ? element("p", { class: "warn" }, say("old")) : null,
    hoursOf(one),
    element(
      "div",
      { class: "acts" },
      one.contact.phone && element("a", { class: "button", href: `tel:${one.contact.phone.replace(/[^+0-9]/g, "").slice(0, 15)}` }, say("call", { phone: one.contact.phone })),
      one.position && element("a", { class: "button", href: `geo:${lat},${lon}?q=${lat},${lon}`, "aria-label": say("routeTo", { name: one.name }) }, say("route")),
      one.position && button("onMap", () => focusOn(one.facility_id), say("onMapAt", { name: one.name })),
    ),
  );
  return item;
}

function standing({ status, open_now: open }) {
  if (status !== "open") return ["shut", say(status)];
  if (open === null) return ["unknown", say("unknownHours")];
  return open ? ["open", say("isOpen")] : ["shut", say("isShut")];
}

function hoursOf({ hours, hours_note: note, confirmed_at: confirmed }) {
  const lines = hours.map(({ days, open, close }) => `${days.length === 7 ? say("everyDay") : DAYS.filter((day) => days.includes(day)).map(say).join(" ")} ${open}–${close}`);
  if (note) lines.push(note);
  lines.push(say("asOf", { time: new Intl.DateTimeFormat(LOCALES[language], { dateStyle: "medium", timeStyle: "short", timeZone: BANGKOK }).format(new Date(confirmed)) }));
  return element("details", {}, element("summary", {}, say("hours")), lines.map((line) => element("p", {}, line)));
}

async function focusOn(id) {
  let one = shown.find((each) => each.facility_id === id);
  if (!one) {
    one = await ask(`/v1/public/places/${encodeURIComponent(id)}`); // of merged places the survivor, which may be shown already
    shown = [one, ...shown.filter((each) => each.facility_id !== one.facility_id)];
  }
  state.place = one.facility_id;
  writeState();
  if (one.position) map.goTo(one.position);
  showPlaces();
  byId("places").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
}

// ---- words and elements ----

function say(key, values = {}) {
  const words = TEXTS[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words[LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function number(value, digits = 0) {
  return new Intl.NumberFormat(LOCALES[language], { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);
}

function kindName(kind) {
  return kinds.find((one) => one.kind === kind)?.[language] ?? kind;
}

function provinceName(area) {
  return provinces.find(({ code }) => code === area.slice(0, 2))?.[`name_${language}`] ?? area;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== null && value !== undefined) made.setAttribute(key, value);
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}

function button(text, run, label) {
  const made = element("button", { type: "button", class: "button", "aria-label": label }, say(text));
  made.addEventListener("click", () => Promise.resolve(run()).catch(complain));
  return made;
}

function notice(text) {
  byId("notice").hidden = text === undefined;
  byId("notice").textContent = text ?? "";
}

function complain(error) {
  notice(error instanceof TypeError || error.name === "TimeoutError" ? say("unreachable") : error.message);
}

function speakAll() {
  document.documentElement.lang = language;
  document.title = `${say("name")} – ${say("subtitle")}`;
  for (const one of document.querySelectorAll("[data-text]")) one.textContent = say(one.dataset.text);
  for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", say(one.dataset.label));
  map.translate({ zoomIn: say("zoomIn"), zoomOut: say("zoomOut") });
  const other = LANGUAGES.find((each) => each !== language);
  const link = byId("language");
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  const collator = new Intl.Collator(language);
  const named = provinces.map(({ code, [`name_${language}`]: name }) => [code, name]).toSorted(([, one], [, two]) => collator.compare(one, two));
  byId("province").replaceChildren(...[["", say("country")], ...named].map(([value, name]) => element("option", { value }, name)));
  byId("kinds").replaceChildren(
    ...kinds.map((one) => element("label", {}, element("input", { type: "checkbox", value: one.kind }), element("span", { class: `swatch kind-${one.kind}` }), one[language])),
  );
  showState();
}

function listen() {
  // A wide screen has room for the kinds; on a phone they would push the list away.
  byId("by-kind").open = state.kind.length > 0 || matchMedia("(min-width: 900px)").matches;
  const again = (change) => search(change).catch(complain);
  let typing;
  byId("q").addEventListener("input", ({ target }) => {
    clearTimeout(typing);
    typing = setTimeout(() => again({ q: target.value.trim() }), TYPING_MS);
  });
  byId("asking").addEventListener("submit", (event) => event.preventDefault());
  byId("province").addEventListener("change", ({ target }) => again({ area: target.value, near: "", place: "" }));
  byId("open").addEventListener("change", ({ target }) => again({ open: target.checked }));
  byId("kinds").addEventListener("change", () => again({ kind: [...byId("kinds").querySelectorAll(":checked")].map(({ value }) => value) }));
  byId("more").addEventListener("click", () => more().catch(complain));
  byId("here").addEventListener("click", find);
  byId("language").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    language = LANGUAGES.find((each) => each !== language);
    keepLanguage(language);
    speakAll();
    showPlaces();
    drawPoints().catch(complain);
  });
}

function find() {
  const here = byId("here");
  here.disabled = true;
  here.textContent = say("looking");
  const done = () => {
    here.disabled = false;
    here.textContent = say("here");
  };
  if (!navigator.geolocation) {
    done();
    return notice(say("notFound"));
  }
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      done();
      search({ near: `${coords.latitude.toFixed(5)},${coords.longitude.toFixed(5)}`, area: "", place: "" }).catch(complain);
    },
    () => {
      done();
      notice(say("notFound"));
    },
    POSITION,
  );
}
