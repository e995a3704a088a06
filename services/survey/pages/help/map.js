// The live map of requests for help: red waits, amber is accepted, green is being helped; the list beside it. Names and
// numbers come only when a request is opened or accepted, which is recorded. Who is not signed in sees counts alone.

/* global L */

import { ask } from "../api.js";
import { areaChoice, learnNames, placeName } from "../areas.js";
import { borderedMap } from "../borders.js";
import { action, field, form, selectField } from "../form.js";
import { begin, complain, fill, h, inLanguage, moment, notice, number, say, speak, STAFF, WORKERS } from "../page.js";
import { follow } from "./stream.js";
import "./text.js";

const COLOURS = { waiting: "#c8202c", accepted: "#e0a100", helping: "#14804f" };
const OWN_AREA = { color: "#0d5c75", weight: 1.5, fill: false };
const OPEN = Object.keys(COLOURS);
const OUTCOMES = ["helped", "passed_on", "not_needed", "not_found", "misuse"];
const MOST_SHOWN = 100; // of the list; the map shows all that were read
const PAGES = 10; // 1,000 requests: more than a map of one area can show apart
const TICK_MS = 15_000; // how often what is left of the deadlines is written anew

const requests = new Map(); // id -> masked request
const opened = new Map(); // id -> what was opened
let who = null;
let kinds = [];
let shown = MOST_SHOWN;
let onlyLate = false;
let status = "";
let ahead = 0; // by how many milliseconds the service's clock is ahead of this one
let sound = null; // off until it is asked for
let chosen = null;

const now = () => Date.now() + ahead;
const kindName = (code) => () => kinds.find((kind) => kind.code === code)?.[`name_${inLanguage()}`] ?? code;
const short = (id) => id.slice(-4);
const late = (request) => request.deadline !== null && Date.parse(request.deadline) < now();

let map = null;
let markers = null;
const circles = new Map(); // id -> marker
const districts = new Map(); // code -> middle

// ---- who is not signed in ----

function showCounts(main) {
  const COLUMNS = [...OPEN, "done"];
  const rows = h("tbody");
  const table = h("table", { hidden: true }, h("caption", { class: "unseen", text: "publicCounts" }), h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "subdistrict" }), COLUMNS.map((each) => h("th", { scope: "col", text: each })))), rows);
  const area = areaChoice({ label: "publicCounts", depth: 4, changed: () => show().catch(complain) });
  const show = async () => {
    table.hidden = area.value === "";
    if (table.hidden) return;
    const { subdistricts } = await ask("GET", "/v1/help-requests/public", { query: { area: area.value } });
    fill(
      rows,
      subdistricts.map((each) =>
        h("tr", {}, h("th", { scope: "row", text: () => each[`name_${inLanguage()}`] }), each.suppressed ? h("td", { colspan: COLUMNS.length, class: "hint", text: "fewHidden" }) : COLUMNS.map((name) => h("td", { text: () => number(each.statuses[name]) }))),
      ),
    );
  };
  main.classList.remove("wide");
  main.append(
    who === null && h("section", { class: "card" }, h("p", { text: "forStaff" }), h("p", { class: "buttons" }, h("a", { class: "button primary", href: `/sign-in?next=${location.pathname}`, text: "signIn" }), h("a", { class: "button", href: "/help", text: "askForHelp" }))),
    h("section", { class: "card" }, area.element, table),
  );
}

// ---- who helps ----

const counts = h("div", { class: "tabs", role: "group", label: "open" });
const list = h("ol", { class: "list requests", id: "list" });
const more = action({ text: "more", run: () => {
  shown += MOST_SHOWN;
  draw();
} });

async function showRequests(main) {
  const state = h("span", { id: "state", text: "connecting" });
  const live = h("p", { class: "status", role: "status", "data-state": "stale" }, h("span", { class: "dot" }), state);
  const soundButton = action({ text: "soundOff", "aria-pressed": "false", run: () => {
    sound = sound === null ? new AudioContext() : (sound.close(), null);
    speak(soundButton, { text: sound === null ? "soundOff" : "soundOn" });
    soundButton.setAttribute("aria-pressed", String(sound !== null));
  } });
  const frame = h("div", { class: "help-map", role: "region", label: "mapOf" });
  main.append(
    h("div", { class: "live" }, live, soundButton),
    h(
      "div",
      { class: "split" },
      h("section", { class: "map-part" }, frame, h("p", { class: "legend" }, OPEN.map((each) => h("span", { class: `key ${each}`, text: each }))), h("p", { class: "hint", text: "mapNote" })),
      h("section", { class: "list-part", "aria-labelledby": "open-heading" }, h("h3", { id: "open-heading", text: "open" }), counts, list, more),
    ),
  );
  kinds = await ask("GET", "/v1/help-requests/kinds");
  const { map: made, borders } = borderedMap(frame);
  map = made;
  markers = L.layerGroup().addTo(map);
  borders.then(showArea).catch(() => {}); // without the borders the requests are still shown
  setInterval(draw, TICK_MS);
  follow(who.area, {
    opened: load,
    changed: apply,
    state: (name) => {
      live.dataset.state = name === "live" ? "live" : "stale";
      speak(state, { text: name });
    },
    ended: complain,
  });
}

/** Goes to the reader's own area, as far down as there are borders. */
function showArea(shapes) {
  L.geoJSON(shapes).eachLayer((layer) => districts.set(layer.feature.properties.code, layer.getBounds().getCenter()));
  const own = shapes.filter(({ properties }) => properties.code.startsWith(who.area.slice(0, 4)));
  if (who.area !== "") map.fitBounds(L.geoJSON(own, { style: OWN_AREA, interactive: false }).addTo(map).getBounds(), { animate: false });
  markers.remove();
  markers.addTo(map); // above the borders, which came later
  draw();
}

/** Reads the whole list; what the stream tells meanwhile has higher revisions, and stays. */
async function load() {
  const before = new Set(requests.keys());
  let cursor = null;
  for (let page = 0; page < PAGES; page++) {
    const answer = await ask("GET", "/v1/help-requests", { query: { area: who.area, cursor } });
    ahead = Date.parse(answer.now) - Date.now();
    for (const request of answer.requests) {
      before.delete(request.request_id);
      take(request);
    }
    cursor = answer.cursor;
    if (cursor === null) break;
  }
  if (cursor === null) for (const id of before) requests.delete(id); // ended while nobody told us
  await learnNames([...requests.values()].map(({ area }) => area));
  draw();
}

function take(request) {
  const known = requests.get(request.request_id);
  if (known !== undefined && known.revision > request.revision) return false;
  if (OPEN.includes(request.status)) requests.set(request.request_id, known === undefined || "same_place" in request ? { same_place: known?.same_place ?? 0, ...request } : request);
  else requests.delete(request.request_id);
  return known === undefined;
}

/** One request changed. */
function apply(request) {
  if (take(request) && request.status === "waiting") beep();
  const known = opened.get(request.request_id);
  if (known !== undefined && known.request.revision < request.revision) known.request = request;
  draw();
  learnNames([request.area]).then(draw);
}

function beep() {
  if (sound === null) return;
  const tone = sound.createOscillator();
  tone.frequency.value = 880;
  tone.connect(sound.destination);
  tone.start();
  tone.stop(sound.currentTime + 0.25);
}

function draw() {
  const all = [...requests.values()].sort((one, other) => one.deadline.localeCompare(other.deadline) || one.request_id.localeCompare(other.request_id));
  const overdue = all.filter(late);
  const tabs = [["", "all", all.length], ...OPEN.map((each) => [each, each, all.filter((request) => request.status === each).length]), ["late", "lateOnly", overdue.length]];
  fill(
    counts,
    tabs.map(([value, text, count]) => {
      const pressed = value === "late" ? onlyLate : !onlyLate && status === value;
      const choose = () => {
        onlyLate = value === "late";
        status = onlyLate ? "" : value;
        draw();
      };
      return action({ text: () => `${say(text)} ${number(count)}`, "aria-pressed": String(pressed), "data-tab": value, run: choose });
    }),
  );
  const visible = onlyLate ? overdue : all.filter((request) => status === "" || request.status === status);
  drawList(visible);
  drawMarkers(visible);
}

function drawList(visible) {
  const focused = document.activeElement?.closest?.("[data-request]");
  // While somebody types into a request, or has the focus in it, its entry stays as it is unless it changed.
  const known = new Map([...list.children].filter((item) => item.dataset.request).map((item) => [item.dataset.request, item]));
  const items = visible.slice(0, shown).map((request) => {
    const mark = JSON.stringify([request, opened.get(request.request_id)?.at ?? null, late(request), left(request), placeName(request.area)(), inLanguage()]);
    const item = known.get(request.request_id);
    if (item && (item.dataset.mark === mark || (item === focused && item.dataset.revision === String(request.revision)))) return item;
    const made = entry(request);
    made.dataset.mark = mark;
    made.dataset.revision = request.revision;
    return made;
  });
  const order = items.length === list.children.length && items.every((item, index) => item === list.children[index]);
  if (!order) fill(list, items.length > 0 ? items : h("li", { class: "empty", text: "nothingOpen" }));
  more.hidden = visible.length <= shown;
}

function left(request) {
  const minutes = Math.round(Math.abs(Date.parse(request.deadline) - now()) / 60_000);
  if (minutes < 100) return say("minutes", { n: minutes });
  if (minutes < 72 * 60) return say("hours", { n: Math.round(minutes / 60) });
  return say("days", { n: Math.round(minutes / 1440) });
}

function entry(request) {
  const { request_id: id, owner } = request;
  const mine = owner?.volunteer_id === who.subject;
  const manages = STAFF.includes(who.role);
  const isLate = late(request);
  const found = opened.get(id);
  const item = h(
    "li",
    { "data-request": id, "data-status": request.status, "data-late": isLate, tabindex: "-1", class: chosen === id ? "chosen" : null },
    h("p", { class: "state" }, h("strong", { text: kindName(request.kind) }), h("span", { class: "tag", text: request.status }), h("span", { class: isLate ? "tag late" : "tag", text: [isLate ? "late" : "dueIn", isLate ? { ago: () => left(request) } : { left: () => left(request) }] })),
    h("p", {}, h("span", { text: placeName(request.area) }), " · ", h("span", { text: ["persons", { people: request.people }] }), request.cell === null && h("span", { class: "hint", text: () => ` · ${say("noPlace")}` })),
    owner && h("p", { class: "hint", text: mine ? "mineIs" : ["otherIs", { id: short(owner.volunteer_id) }] }),
    request.told && h("p", { class: "hint", text: `told_${request.told.role}` }),
    request.same_place > 0 && h("p", { class: "hint", text: ["samePlace", { count: request.same_place }] }),
    found && details(found),
    h(
      "p",
      { class: "buttons" },
      request.status === "waiting" && action({ text: "accept", class: "button primary", run: () => accept(id) }),
      request.status === "accepted" && (mine || manages) && action({ text: "begin", class: "button primary", run: () => step(id, "beginning") }),
      found ? action({ text: "hide", run: () => (opened.delete(id), draw()) }) : action({ text: "show", run: () => open(id) }),
      owner && (mine || manages) && action({ text: "handBack", run: () => step(id, "return", {}) }),
    ),
    (mine || manages) && closing(request),
    manages && request.same_place > 0 && merging(request),
  );
  return item;
}

function closing({ request_id: id }) {
  const made = form({
    parts: [
      selectField({ name: `outcome-${id}`, label: "outcome", options: OUTCOMES.map((each) => [each, each]) }),
      field({ name: `note-${id}`, label: "note", required: false, maxlength: "500" }),
    ],
    submit: "finish",
    send: (values) => step(id, "closing", { outcome: values[`outcome-${id}`], note: values[`note-${id}`] || null }),
  });
  return h("details", {}, h("summary", { text: "finish" }), made);
}

function merging({ request_id: id, area, kind }) {
  const others = [...requests.values()].filter((other) => other.request_id !== id && other.area === area && other.kind === kind && other.same_place > 0);
  if (others.length === 0) return null;
  const called = (other) => () => `${say(other.status)} · ${moment(other.asked_at)} · ${say("persons", { people: other.people })}`;
  const made = form({
    parts: [selectField({ name: `into-${id}`, label: "mergeInto", options: others.map((other) => [other.request_id, called(other)]) })],
    submit: "merge",
    send: (values) => step(id, "merger", { into: values[`into-${id}`] }),
    quiet: true,
  });
  return h("details", {}, h("summary", { text: "merge" }), made);
}

const STEPS = { asked: "asked", accepted: "step_accepted", helping: "step_helping", handed_back: "handed_back", closed: "closed", cancelled: "cancelled", expired: "expired", handed_up: "handed_up", merged: "merged", took_in: "took_in" };

function details({ phone, name, address, note, position, steps }) {
  return h(
    "div",
    { class: "details" },
    phone === null && h("p", { text: "destroyed" }),
    name && h("p", {}, h("strong", {}, name)),
    phone && h("p", {}, h("a", { href: `tel:${phone}`, text: ["call", { phone }] })),
    address && h("p", {}, address),
    position && h("p", { class: "hint" }, `${position.lat.toFixed(5)}, ${position.lon.toFixed(5)}${position.accuracy_m ? ` ±${Math.round(position.accuracy_m)} m` : ""}`),
    note && h("p", { class: "said" }, note),
    h("details", {}, h("summary", { text: "history" }), h("ul", { class: "steps" }, steps.map((each) => h("li", {}, h("span", { text: () => `${moment(each.at)} ${say(STEPS[each.step])}` }), each.note && h("span", { class: "said" }, ` · ${each.note}`))))),
  );
}

// ---- what is done ----

async function accept(id) {
  try {
    keep(await ask("POST", `/v1/help-requests/${id}/acceptance`));
  } catch (error) {
    stand(error);
  }
}

async function open(id) {
  keep(await ask("GET", `/v1/help-requests/${id}`));
}

async function step(id, name, json) {
  try {
    const { request } = await ask("POST", `/v1/help-requests/${id}/${name}`, { json });
    document.activeElement?.blur(); // what was typed is sent, and the entry may be drawn anew
    take(request);
    draw();
  } catch (error) {
    stand(error);
  }
}

/** Somebody else was first: what stands now is shown, and who it was. */
function stand(error) {
  const standing = error.document?.request;
  if (standing === undefined) throw error;
  take(standing);
  draw();
  if (error.code === "taken") notice(["taken", { id: short(standing.owner.volunteer_id) }]);
  else notice(() => error.message);
}

function keep(found) {
  found.at = found.request.revision;
  opened.set(found.request.request_id, found);
  take(found.request);
  draw();
}

// ---- the map ----

function where(request) {
  const exact = opened.get(request.request_id)?.position;
  if (exact) return [exact.lat, exact.lon];
  if (request.cell !== null) return [request.cell.lat, request.cell.lon];
  const middle = districts.get(request.area.slice(0, 4));
  return middle ? [middle.lat, middle.lng] : null;
}

function drawMarkers(visible) {
  if (map === null) return;
  const seen = new Set();
  for (const request of visible) {
    const at = where(request);
    if (at === null) continue;
    seen.add(request.request_id);
    let marker = circles.get(request.request_id);
    if (marker === undefined) {
      marker = L.circleMarker(at, { radius: 10, color: "#ffffff", weight: 2, fillOpacity: 0.95, bubblingMouseEvents: false });
      marker.bindTooltip(() => {
        const text = document.createElement("span");
        const current = requests.get(request.request_id) ?? request;
        text.textContent = `${kindName(current.kind)()} · ${say(current.status)} · ${say("about")}`;
        return text;
      });
      marker.on("click", () => choose(request.request_id));
      marker.addTo(markers);
      circles.set(request.request_id, marker);
    }
    marker.setLatLng(at);
    marker.setStyle({ fillColor: COLOURS[request.status], color: late(request) ? "#14303b" : "#ffffff", weight: late(request) ? 3 : 2, dashArray: request.cell === null ? "3 3" : null });
  }
  for (const [id, marker] of circles) {
    if (seen.has(id)) continue;
    marker.remove();
    circles.delete(id);
  }
}

function choose(id) {
  chosen = id;
  draw();
  const item = list.querySelector(`[data-request="${id}"]`);
  item?.scrollIntoView({ block: "nearest" });
  item?.focus();
}

begin({ title: "helpMap", wide: true }, (main, holder) => {
  who = holder;
  return WORKERS.includes(who?.role) ? showRequests(main) : showCounts(main);
});
