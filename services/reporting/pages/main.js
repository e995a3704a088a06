// Puts the page together: what is looked at (state.js), the figures (data.js), the map (map.js) and the table (table.js).

import { childLevel, Figures } from "./data.js";
import { keepLanguage, OWN_NAMES } from "./language.js";
import { AreaMap } from "./map.js";
import { classOf, MEASURES, valueOf } from "./measures.js";
import { Places, PlacesBox } from "./places.js";
import { addressOf, readState } from "./state.js";
import { AreaTable } from "./table.js";
import { fullName, speech } from "./text.js";

// Rows move at most this often while figures stream in, and never under the reader's hand.
const SORT_AGAIN_MS = 3_000;
// A connection that comes back within this is not worth a word.
const PATIENCE_MS = 4_000;
// While records wait, figures older than this are stale; and so is a lag that was measured longer ago.
const STALE_MS = 60_000;
const MEASURED_MS = 90_000;

const $ = (id) => document.getElementById(id);

const boundaries = new Map(); // code -> {code, name_th, name_en}, as the map's files have them
let state = readState(location.search);
let words = speech(state.lang);
let map = null;
let order = [];
let sortedAt = 0;
let interruptedSince = null;
let failure = null;

const figures = new Figures({
  changed,
  placesChanged: () => places.askAgain(),
  asOf: showStatus,
  connected: () => {
    interruptedSince = figures.connected ? null : Date.now();
    showStatus();
  },
  failed: (error) => {
    failure = error;
    showStatus();
  },
});

const places = new Places({
  changed: showPlaces,
  failed: (error) => {
    failure = error;
    showStatus();
  },
});
const placesBox = new PlacesBox($("places"), { choose: (wanted) => go(wanted) });

const table = new AreaTable(
  { head: $("columns"), body: $("rows"), caption: $("caption") },
  {
    sort: (wanted, column) => {
      go({ sort: wanted });
      document.querySelector(`[data-sort="${column}"]`).focus();
    },
    point: pointAt,
    address: (code) => addressOf({ ...state, area: code }),
    open: (code) => {
      go({ area: code }, true);
      $("place").focus(); // the row that was chosen is gone; what it opened begins here
    },
  },
);

/** Moves on to another state; `visit` makes it a step that "back" leads back over. */
function go(change, visit = false) {
  const before = state;
  state = { ...state, ...change };
  history[visit ? "pushState" : "replaceState"](null, "", addressOf(state));
  arrive(before);
}

function arrive(before) {
  if (state.lang !== before.lang) {
    words = speech(state.lang);
    map?.translate(words.say);
  }
  showAll();
  places.show(state.places === "" ? null : state.area);
  if (state.area !== before.area) {
    figures.open(state.area);
    showOnMap();
  }
}

/** The places of the open area, on the map and counted below it. */
function showPlaces() {
  const found = places.wanted(state.places, state.status);
  placesBox.show(state, places, found, words);
  map?.showPlaces(found.filter(({ position }) => position !== null).map((place) => ({ ...place, says: () => placesBox.describe(place, words) })));
}

function measure() {
  return MEASURES[state.measure];
}

function value(code, which = measure()) {
  return valueOf(which, figures.areas.get(code), state.of);
}

function area(code) {
  return figures.names.get(code) ?? boundaries.get(code) ?? { code, name_th: code, name_en: code };
}

/** The codes in question: what lies in the open area. */
function inQuestion() {
  const known = figures.children.get(state.area);
  if (known) return known;
  return [...boundaries.keys()].filter((code) => code.length === state.area.length + 2 && code.startsWith(state.area));
}

function changed(codes) {
  if (codes === null) {
    showAll();
    return;
  }
  const here = inQuestion().filter((code) => codes.has(code));
  showSummary();
  if (here.length > 0) {
    showTable();
    showLegend();
    table.flash(here);
  }
  map?.paint([...codes], colourOnMap);
  map?.flash(codes);
}

function showAll() {
  showWords();
  showPath();
  showMeasures();
  showSummary();
  order = [];
  showTable();
  showLegend();
  showPlaces();
  showStatus();
  map?.paint(null, colourOnMap);
}

function showWords() {
  document.documentElement.lang = state.lang;
  document.title = words.say.title;
  for (const element of document.querySelectorAll("[data-text]")) element.textContent = words.say[element.dataset.text];
  for (const element of document.querySelectorAll("[data-label]")) element.ariaLabel = words.say[element.dataset.label];
  const other = state.lang === "th" ? "en" : "th";
  const link = $("language");
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  link.href = addressOf({ ...state, lang: other });
}

function showPath() {
  const codes = ["", state.area.slice(0, 2), state.area.slice(0, 4)].filter((code, index, all) => all.indexOf(code) === index);
  const items = codes.map((code) => {
    const name = code === "" ? words.say.country : fullName(area(code), words);
    const here = code === state.area;
    const item = document.createElement(here ? "span" : "a");
    item.textContent = name;
    if (here) {
      item.ariaCurrent = "page";
    } else {
      item.href = addressOf({ ...state, area: code });
      item.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return;
        event.preventDefault();
        go({ area: code }, true);
      });
    }
    return item;
  });
  $("path").replaceChildren(...items);
  $("path").hidden = state.area === "";
  $("place").textContent = items.at(-1).textContent;
}

/** The measures are radio buttons, and each is also the open area's own figure. */
function showMeasures() {
  const box = $("measures");
  if (box.querySelector("label") === null) {
    for (const name of Object.keys(MEASURES)) {
      const label = document.createElement("label");
      label.dataset.measure = name;
      label.innerHTML = `<input type="radio" name="measure"><span class="title"></span><b class="share"></b><span class="counts"></span>`;
      const input = label.querySelector("input");
      input.value = name;
      input.addEventListener("change", () => go({ measure: name }));
      box.append(label);
    }
  }
  for (const label of box.querySelectorAll("label")) {
    label.querySelector("input").checked = label.dataset.measure === state.measure;
    label.querySelector(".title").textContent = words.say[label.dataset.measure];
  }
  showWholes();
}

/** Doses can be seen as a share of those surveyed or of those registered; the choice is the reader's and is always said. */
function showWholes() {
  const box = $("of");
  box.hidden = !measure().choosesWhole;
  const title = document.createElement("span");
  title.textContent = words.say.of;
  const buttons = ["surveyed", "population"].map((of) => {
    const button = document.createElement("button");
    button.type = "button";
    button.dataset.of = of;
    button.textContent = words.say[of === "surveyed" ? "ofSurveyed" : "ofPopulation"];
    button.ariaPressed = String(state.of === of);
    button.addEventListener("click", () => {
      go({ of });
      document.querySelector(`[data-of="${of}"]`).focus();
    });
    return button;
  });
  box.replaceChildren(title, ...buttons);
}

function showSummary() {
  for (const label of $("measures").querySelectorAll("label")) {
    const which = MEASURES[label.dataset.measure];
    const found = value(state.area, which);
    const texts = written(found, which);
    label.dataset.state = found.state;
    label.querySelector(".share").textContent = found.state === "value" ? texts.ratio : found.numerator ? texts.numerator : texts.ratio;
    label.querySelector(".counts").textContent = found.state === "value" ? words.say.outOf(texts.numerator, texts.denominator) : "";
  }
  const whole = value(state.area).whole ?? {};
  const parts = [whole.says && words.say[whole.says]];
  if (whole.source) parts.push(whole.source);
  if (whole.dated) parts.push(words.say.dated(words.day(whole.dated)));
  if (whole.says && whole.value === null) parts.push(words.say.noTable);
  $("whole").textContent = parts.filter(Boolean).join(" · ");
}

/** A value in words: its share, part and whole. */
function written(found, which = measure()) {
  const number = (value) => (value === null || value === undefined ? "–" : words.number(value));
  const states = { none: words.say[which.none], unknown: words.say.unknown, suppressed: words.say.suppressed, loading: "…" };
  return {
    ratio: found.state === "value" ? words.percent(found.ratio) : states[found.state],
    // Nothing came from there: that is not the same as a count of zero, and is not written like one.
    numerator: found.state === "none" ? "–" : number(found.numerator),
    denominator: number(found.whole?.value || null),
  };
}

function colour(code) {
  const found = value(code);
  return found.state === "value" ? measure().colours[classOf(measure(), found.ratio)] : found.state;
}

function colourOnMap(code) {
  const asked = state.area.length === 4 ? state.area.slice(0, 2) : state.area;
  return code.length === asked.length + 2 && code.startsWith(asked) ? colour(code) : null;
}

function showTable() {
  const level = childLevel(state.area);
  const { say } = words;
  const titles = {
    name: say.areaColumn[level],
    ratio: say.share,
    numerator: say[measure().numerator],
    denominator: say[measure().whole({}, state.of).label],
  };
  const key = JSON.stringify([titles, state.sort]);
  if (table.key !== key) {
    table.showColumns(titles, state.sort);
    table.key = key;
  }
  table.show(
    sorted(inQuestion()).map((code) => {
      const found = value(code);
      return {
        code,
        name: words.name(area(code)),
        opens: level !== "subdistrict",
        value: found,
        texts: written(found),
        colour: found.state === "value" ? colour(code) : null,
      };
    }),
    `${say[state.measure]} ${say[{ province: "byProvince", district: "byDistrict", subdistrict: "bySubdistrict" }[level]]}`,
  );
}

function sorted(codes) {
  const same = order.length === codes.length && order.every((code) => codes.includes(code));
  if (same && (table.busy || Date.now() - sortedAt < SORT_AGAIN_MS)) return order;
  const column = state.sort.replace(/^-/, "");
  const direction = state.sort.startsWith("-") ? -1 : 1;
  const names = (one, other) => words.collator.compare(words.name(area(one)), words.name(area(other)));
  const keyOf = (code) => {
    const found = value(code);
    if (found.state === "none" || found.state === "suppressed" || found.state === "loading") return null;
    return { ratio: found.ratio, numerator: found.numerator, denominator: found.whole.value }[column] ?? null;
  };
  order = [...codes].sort((one, other) => {
    if (column === "name") return direction * names(one, other);
    const [first, second] = [keyOf(one), keyOf(other)];
    // What has no value comes last, whichever way the others are sorted.
    if (first === null || second === null) return (first === null) - (second === null) || names(one, other);
    return direction * (first - second) || names(one, other);
  });
  sortedAt = Date.now();
  return order;
}

function showLegend() {
  const { say } = words;
  const which = measure();
  const level = state.area.length === 4 ? "subdistrict" : childLevel(state.area);
  const counted = new Map();
  for (const code of inQuestion()) {
    const found = value(code);
    const key = found.state === "value" ? String(classOf(which, found.ratio)) : found.state;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  const steps = [0, ...which.steps].map((step) => words.roundPercent(step));
  const items = which.colours.map((_, index) => {
    const text = index === 0 ? say.rangeBelow(steps[1]) : index === 4 ? say.rangeFrom(steps[4]) : say.range(steps[index], steps[index + 1]);
    return legendItem(String(index), text, counted.get(String(index)) ?? 0, which.colours[index]);
  });
  items.push(legendItem("none", say[which.none], counted.get("none") ?? 0));
  for (const other of ["unknown", "suppressed"]) {
    if (counted.has(other)) items.push(legendItem(other, other === "unknown" ? say.unknown : say.suppressedLong, counted.get(other)));
  }
  const title = document.createElement("p");
  title.append(say[state.measure], unit(say.areas[level]));
  const list = document.createElement("ul");
  list.append(...items);
  $("legend").replaceChildren(title, list);
}

function unit(text) {
  const element = document.createElement("span");
  element.className = "unit";
  element.textContent = text;
  return element;
}

function legendItem(key, text, count, fill) {
  const item = document.createElement("li");
  item.dataset.class = key;
  const swatch = document.createElement("i");
  if (fill) swatch.style.backgroundColor = fill;
  const label = document.createElement("span");
  label.textContent = text;
  const number = document.createElement("b");
  number.textContent = words.number(count);
  item.append(swatch, label, number);
  return item;
}

/** What the map's tooltip says of an area; with `nameOnly`, its name. */
function describe(code, nameOnly = false) {
  const name = area(code);
  if (nameOnly) return words.name(name);
  const element = document.createElement("div");
  const title = document.createElement("strong");
  title.textContent = fullName(name, words);
  element.append(title);
  if (colourOnMap(code) !== null) {
    const found = value(code);
    const texts = written(found);
    const share = document.createElement("span");
    share.className = "share";
    share.textContent = texts.ratio;
    const counts = document.createElement("span");
    counts.textContent =
      found.state === "value" ? words.say.outOf(texts.numerator, texts.denominator) : found.numerator ? `${words.say[measure().numerator]} ${texts.numerator}` : "";
    const label = document.createElement("span");
    label.className = "label";
    label.textContent = words.say[state.measure];
    element.append(label, share, counts);
  }
  return element;
}

function pointAt(code) {
  map?.mark(code);
  table.mark(code);
}

/** How recent the figures are: live, behind, or stale and why. */
function showStatus() {
  const { say } = words;
  const stream = figures.asOfAll(measure().streams);
  const now = Date.now();
  const lag = stream?.lag ?? null;
  const measured = stream?.lag_measured_at ? now - Date.parse(stream.lag_measured_at) : Infinity;
  let status = "live";
  let text = say.live;
  let notice = null;
  if (stream === undefined && failure === null) {
    status = "loading";
    text = say.loading;
  } else if (failure !== null) {
    status = "stale";
    notice = say.failed;
  } else if (interruptedSince !== null && now - interruptedSince > PATIENCE_MS) {
    status = "stale";
    notice = say.interrupted;
  } else if (lag === null || measured > MEASURED_MS) {
    status = "stale";
    notice = say.lagUnknown;
  } else if (lag > 0 && now - Date.parse(stream.time ?? 0) > STALE_MS) {
    status = "stale";
    notice = say.late(words.number(lag));
  } else if (lag > 0) {
    status = "behind";
    text = say.behind(words.number(lag));
  }
  if (status === "stale") text = say.stale;
  $("status").dataset.state = status;
  document.body.dataset.status = status;
  // Written only when it differs: a screen reader says every writing aloud.
  if ($("status-text").textContent !== text) $("status-text").textContent = text;
  const box = $("notice");
  box.hidden = notice === null;
  if (notice !== null && box.textContent !== notice) box.textContent = notice;
  const parts = stream ? [stream.time ? say.asOf(words.time(stream.time)) : say.noEvents] : [];
  if (stream && lag !== null) parts.push(lag === 0 ? say.noLag : say.lag(words.number(lag)));
  $("as-of").textContent = parts.join(" · ");
}

async function boundaryFile(name) {
  const response = await fetch(`/areas/${name}.topojson`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const topology = await response.json();
  for (const { properties } of topology.objects[name].geometries) boundaries.set(properties.code, properties);
  return topology;
}

let districtsWanted = null;

/** Shows the open area on the map; the districts' borders are fetched when they are first needed. */
async function showOnMap() {
  if (map === null) return;
  if (state.area !== "" && districtsWanted === null) {
    districtsWanted = boundaryFile("districts").then((topology) => map.setDistricts(topology));
    districtsWanted.catch(() => (districtsWanted = null));
  }
  await (state.area === "" ? null : districtsWanted);
  map.show(state.area);
  map.paint(null, colourOnMap);
  showPath();
}

async function begin() {
  keepLanguage(state.lang);
  showAll();
  $("language").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const lang = state.lang === "th" ? "en" : "th";
    keepLanguage(lang);
    go({ lang });
  });
  window.addEventListener("popstate", () => {
    const before = state;
    state = readState(location.search);
    arrive(before);
  });
  figures.start();
  figures.open(state.area);
  places.show(state.places === "" ? null : state.area);
  setInterval(showStatus, 1_000);
  try {
    const topology = await boundaryFile("provinces");
    map = new AreaMap($("map"), { open: (code) => go({ area: code }, true), point: pointAt, describe, words: words.say });
    map.setProvinces(topology);
    await showOnMap();
    showPlaces();
  } catch (error) {
    // The table has everything that the map has.
    console.error(error);
    const notice = document.createElement("p");
    notice.textContent = words.say.noMap;
    $("map").replaceChildren(notice);
  }
}

begin();
