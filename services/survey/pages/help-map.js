// The live map of requests for help: red waits, amber is accepted, green is being helped; the list beside it. Names and
// numbers come only when a request is opened or accepted, which is recorded. Who is not signed in sees counts alone.

/* global L, topojson */

import { areaChoice, learnNames, placeName } from "./help-areas.js";
import { follow } from "./help-stream.js";
import { ask, begin, button, complain, field, h, inLanguage, moment, notice, say, speak } from "./help-page.js";
import { drawLand, drawLines, groundMap, zoomButtons } from "./ground.js";
import { accessToken, holder, signInForm, signOut } from "./staff.js";

const COLOURS = { waiting: "#c8202c", accepted: "#e0a100", helping: "#14804f" };
const OPEN = Object.keys(COLOURS);
const MANAGERS = ["subdistrict_coordinator", "district_coordinator", "province_administrator", "central_administrator"];
const MOST_SHOWN = 100; // of the list; the map shows all that were read
const PAGES = 10; // 1,000 requests: more than a map of one area can show apart
const TICK_MS = 15_000; // how often what is left of the deadlines is written anew

const who = holder();
const requests = new Map(); // id -> masked request
const opened = new Map(); // id -> what was opened
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

const account = who && h("button", { type: "button", class: "language", text: "signOut", on: { click: () => signOut() } });
const main = begin("map", { wide: true, account, translated: () => map && nameZoom() });
let map = null;
let markers = null;
const circles = new Map(); // id -> marker
let districts = new Map(); // code -> middle

// ---- who is not signed in ----

async function startPublic() {
  const area = areaChoice();
  const rows = h("tbody");
  const table = h("table", { hidden: true }, h("caption", { text: "publicCounts" }), h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "subdistrict" }), [...OPEN, "done"].map((each) => h("th", { scope: "col", text: each })))), rows);
  area.element.addEventListener("change", async () => {
    const code = area.element.querySelector("#field-area-4").value || area.element.querySelector("#field-area-2").value;
    if (code === "") return;
    try {
      const { subdistricts } = await ask(`/v1/help-requests/public?area=${code}`);
      rows.replaceChildren(
        ...subdistricts.map((each) =>
          h("tr", {}, h("th", { scope: "row", text: () => each[`name_${inLanguage()}`] }), each.suppressed ? h("td", { colspan: 4, class: "hint", text: "fewHidden" }) : [...OPEN, "done"].map((name) => h("td", {}, String(each.statuses[name])))),
        ),
      );
      table.hidden = false;
    } catch (error) {
      complain(error);
    }
  });
  main.classList.remove("wide");
  main.append(signInForm(() => location.reload()), h("section", { class: "card" }, h("h2", { text: "publicCounts" }), area.element, table));
}

// ---- staff ----

const counts = h("div", { class: "tabs", role: "group" });
const list = h("ol", { class: "requests", id: "list" });
const more = button("more", () => {
  shown += MOST_SHOWN;
  draw();
});
const state = h("p", { class: "status", role: "status", "data-state": "stale" }, h("span", { class: "dot" }), h("span", { id: "state", text: "connecting" }));

async function startStaff() {
  const mapBox = h("div", { class: "map", id: "map", role: "region", label: "map" });
  const soundButton = button("soundOff", () => {
    sound = sound === null ? new AudioContext() : (sound.close(), null);
    speak(soundButton, { text: sound === null ? "soundOff" : "soundOn" });
    soundButton.setAttribute("aria-pressed", String(sound !== null));
  }, { "aria-pressed": "false", class: "button" });
  main.append(
    h("div", { class: "bar" }, state, soundButton),
    h("div", { class: "split" }, h("section", { class: "map-part" }, mapBox, h("p", { class: "hint", text: "mapNote" })), h("section", { class: "list-part", "aria-labelledby": "open-heading" }, h("h2", { id: "open-heading", text: "open" }), counts, list, more)),
  );
  kinds = await ask("/v1/help-requests/kinds");
  map = groundMap(mapBox);
  markers = L.layerGroup().addTo(map);
  nameZoom();
  drawGround().catch(() => {}); // without the borders the requests are still shown
  setInterval(draw, TICK_MS);
  follow(who.area, {
    opened: load,
    changed: apply,
    state: (name) => {
      state.dataset.state = name === "live" ? "live" : "stale";
      speak(document.getElementById("state"), { text: name });
    },
    ended: (error) => {
      if (error?.status === 403) notice("noRight");
      else location.reload();
    },
  });
}

function nameZoom() {
  const [zoomIn, zoomOut] = zoomButtons(map);
  for (const [element, key] of [[zoomIn, "zoomIn"], [zoomOut, "zoomOut"]]) {
    element.title = say(key);
    element.setAttribute("aria-label", say(key));
  }
}

async function drawGround() {
  const [provinces, lines] = await Promise.all(["provinces", "districts"].map((name) => ask(`/areas/${name}.topojson`)));
  const around = [];
  drawLand(map, provinces, ({ code }, layer) => who.area !== "" && code === who.area.slice(0, 2) && around.push(layer.getBounds()));
  drawLines(map, lines);
  const shapes = L.geoJSON(topojson.feature(lines, lines.objects.districts));
  shapes.eachLayer((layer) => {
    const { code } = layer.feature.properties;
    districts.set(code, layer.getBounds().getCenter());
    if (who.area.length >= 4 && code === who.area.slice(0, 4)) around.unshift(layer.getBounds());
  });
  if (around.length > 0) map.fitBounds(around[0], { animate: false });
  markers.remove();
  markers.addTo(map);
  draw();
}

/** Reads the whole list; what the stream tells meanwhile has higher revisions, and stays. */
async function load() {
  const before = new Set(requests.keys());
  let cursor = null;
  for (let page = 0; page < PAGES; page++) {
    const query = new URLSearchParams({ area: who.area, ...(cursor === null ? {} : { cursor }) });
    const answer = await ask(`/v1/help-requests?${query}`, { token: await accessToken() });
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
  counts.replaceChildren(
    ...tabs.map(([value, text, count]) => {
      const pressed = value === "late" ? onlyLate : !onlyLate && status === value;
      const tab = button(() => `${say(text)} ${count}`, () => {
        onlyLate = value === "late";
        status = onlyLate ? "" : value;
        draw();
      }, { "aria-pressed": String(pressed), "data-tab": value });
      return tab;
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
  if (!order) list.replaceChildren(...(items.length > 0 ? items : [h("li", { class: "empty", text: "nothingOpen" })]));
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
  const manages = MANAGERS.includes(who.role);
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
      request.status === "waiting" && button("accept", () => accept(id), { class: "button primary" }),
      request.status === "accepted" && (mine || manages) && button("begin", () => step(id, "beginning"), { class: "button primary" }),
      found ? button("hide", () => (opened.delete(id), draw())) : button("show", () => open(id)),
      owner && (mine || manages) && button("handBack", () => step(id, "return", {})),
    ),
    (mine || manages) && closing(request),
    manages && request.same_place > 0 && merging(request),
  );
  return item;
}

function closing({ request_id: id }) {
  const outcome = field({ name: `outcome-${id}`, label: "outcome", control: "select" }, ["helped", "passed_on", "not_needed", "not_found", "misuse"].map((each) => h("option", { value: each, text: each })));
  const note = field({ name: `note-${id}`, label: "note", optional: true, maxlength: "500" });
  return h("details", {}, h("summary", { text: "finish" }), outcome.element, note.element, h("p", { class: "buttons" }, button("finish", () => step(id, "closing", { outcome: outcome.control.value, note: note.control.value.trim() || null }), { class: "button primary" })));
}

function merging({ request_id: id, area, kind }) {
  const others = [...requests.values()].filter((other) => other.request_id !== id && other.area === area && other.kind === kind && other.same_place > 0);
  if (others.length === 0) return null;
  const into = field({ name: `into-${id}`, label: "mergeInto", control: "select" }, others.map((other) => h("option", { value: other.request_id, text: () => `${say(other.status)} · ${moment(other.asked_at)} · ${say("persons", { people: other.people })}` })));
  return h("details", {}, h("summary", { text: "merge" }), into.element, h("p", { class: "buttons" }, button("merge", () => step(id, "merger", { into: into.control.value }))));
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
    keep(await ask(`/v1/help-requests/${id}/acceptance`, { method: "POST", token: await accessToken() }));
  } catch (error) {
    stand(error);
  }
}

async function open(id) {
  keep(await ask(`/v1/help-requests/${id}`, { token: await accessToken() }));
}

async function step(id, name, json) {
  try {
    const { request } = await ask(`/v1/help-requests/${id}/${name}`, { method: "POST", json, token: await accessToken() });
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

(who === null ? startPublic() : startStaff()).catch(complain).finally(() => (document.body.dataset.ready = ""));
