// Puts the page together: what is looked at (state.js), the figures (live/figures.js, of past days live/past.js), and the
// parts that show them. Nothing here asks or draws by itself.

import { keepLanguage, OWN_NAMES } from "./language.js";
import { FigureDialog } from "./live/figure.js";
import { Figures } from "./live/figures.js";
import { Latest } from "./live/latest.js";
import { showLegend } from "./live/legend.js";
import { Past } from "./live/past.js";
import { Ranking } from "./live/ranking.js";
import { Status } from "./live/status.js";
import { Summary } from "./live/summary.js";
import { Timeline } from "./live/timeline.js";
import { asBrowser, make, written } from "./live/values.js";
import { Wall } from "./live/wall.js";
import { AreaMap } from "./map.js";
import { classOf, MEASURES, valueOf } from "./measures.js";
import { Places, PlacesBox } from "./places.js";
import { addressOf, readState } from "./state.js";
import { AreaTable } from "./table.js";
import { fullName, speech } from "./text.js";

const $ = (id) => document.getElementById(id);

const boundaries = new Map(); // code -> {code, name_th, name_en}, as the map's files have them
let state = readState(location.search);
let words = speech(state.lang);
let map = null;
let districtsWanted = null;
let pictured = false;

/** What the parts of the page see of it. */
const view = {
  get state() {
    return state;
  },
  get words() {
    return words;
  },
  get asOf() {
    return figures.asOf;
  },
  value(code, name = state.measure) {
    return valueOf(MEASURES[name], state.day ? past.get(code) : figures.areas.get(code), state.of);
  },
  area(code) {
    return figures.names.get(code) ?? boundaries.get(code) ?? { code, name_th: code, name_en: code };
  },
  name(code) {
    return code === "" ? words.say.country : fullName(view.area(code), words);
  },
  /** What lies in an area. */
  children(area) {
    const known = figures.children.get(area);
    return known ?? [...boundaries.keys()].filter((code) => code.length === area.length + 2 && code.startsWith(area));
  },
  inQuestion() {
    return view.children(state.area);
  },
  colour(code) {
    const found = view.value(code);
    return found.state === "value" ? MEASURES[state.measure].colours[classOf(MEASURES[state.measure], found.ratio)] : found.state;
  },
};

const figures = new Figures({
  changed,
  placesChanged: (asOf) => places.askAgain(asOf),
  asOf: () => status.show(view),
  connected: () => {
    status.connected();
    status.show(view);
  },
  failed: (error) => failed("figures", error),
});
const past = new Past({ changed: () => showAll(), failed: (error) => failed("past", error), houses: (code) => figures.areas.get(code)?.houses ?? null });
const places = new Places({ changed: showPlaces, failed: (error) => failed("places", error) });

const status = new Status({ box: $("status"), text: $("status-text"), notice: $("notice"), asOf: $("as-of") }, figures);
const dialog = new FigureDialog($("figure"));
const openFigure = (code, measure) => dialog.open(view, code, measure);
const summary = new Summary(
  { path: $("path"), title: $("place"), measures: $("measures"), of: $("of"), whole: $("whole"), median: $("median") },
  { go, address: (change) => addressOf({ ...state, ...change }), openFigure: (_, measure) => openFigure(state.area, measure) },
);
const latest = new Latest($("latest-title"), $("latest-list"));
const placesBox = new PlacesBox($("places"), { choose: (wanted) => go(wanted) });
const timeline = new Timeline($("timeline"), async (day) => {
  go({ day });
  await past.show(state.area, state.day);
});
const wall = new Wall($("wall"), { go: (change) => move(change), leave: () => go({ wall: "", ...wall.before }) });
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
    openFigure: (code) => openFigure(code, state.measure),
  },
);

const ranking = new Ranking(table);

/** Moves on to another state; `visit` makes it a step that "back" leads back over. */
function go(change, visit = false) {
  const before = state;
  state = { ...state, ...change };
  history[visit ? "pushState" : "replaceState"](null, "", addressOf(state));
  arrive(before);
}

/** Moves on without a trace in the address. */
function move(change) {
  const before = state;
  state = { ...state, ...change };
  arrive(before);
}

function arrive(before) {
  if (state.lang !== before.lang) {
    words = speech(state.lang);
    map?.translate(words.say);
  }
  if (state.measure !== before.measure || state.area !== before.area) latest.forget();
  past.show(state.area, state.day);
  if (state.area !== before.area) figures.open(state.area);
  if (state.wall !== before.wall) {
    wall.set(view, state.wall === "on");
    map?.enlarge(wall.open);
  }
  showAll();
  places.show(state.places === "" ? null : state.area);
  if (state.area !== before.area) showOnMap();
}

function failed(kind, error) {
  status.failed(kind, error);
  status.show(view);
}

function changed(codes, before) {
  if (codes === null) {
    showAll();
    return;
  }
  if (state.day) return; // what is seen is past, and does not change
  const here = view.inQuestion().filter((code) => codes.has(code));
  showFigures(here.length > 0);
  if (here.length > 0) {
    table.flash(here);
    latest.note(view, here, before);
  }
  map?.paint([...codes], colourOnMap);
  map?.flash(codes);
}

function showFigures(below = true) {
  summary.showFigures(view);
  dialog.show(view);
  wall.show(view);
  if (!below) return;
  ranking.show(view);
  showLegend($("legend"), view);
}

function showAll() {
  showWords();
  summary.show(view);
  ranking.forget();
  showFigures();
  latest.show(view);
  timeline.show(view);
  showPlaces();
  status.show(view);
  map?.paint(null, colourOnMap);
  firstPicture();
}

/** Marks when the first picture is on the screen, for who measures it: the map in its colours, and the figures beside it. */
function firstPicture() {
  if (pictured || map === null || view.value(state.area).state === "loading") return;
  pictured = true;
  requestAnimationFrame(() => requestAnimationFrame(() => performance.mark("picture")));
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
  for (const page of $("pages").children) page.textContent = words.say.otherPages[page.dataset.page];
}

/** The places of the open area, on the map and counted below it. */
function showPlaces() {
  const found = places.wanted(state.places, state.status);
  placesBox.show(state, places, found, words);
  map?.showPlaces(found.filter(({ position }) => position !== null).map((place) => ({ ...place, says: () => placesBox.describe(place, words) })));
}

function colourOnMap(code) {
  const asked = state.area.length === 4 ? state.area.slice(0, 2) : state.area;
  return code.length === asked.length + 2 && code.startsWith(asked) ? view.colour(code) : null;
}

/** What the map's tooltip says of an area; with `nameOnly`, its name. */
function describe(code, nameOnly = false) {
  if (nameOnly) return words.name(view.area(code));
  const element = make("div", "", make("strong", "", view.name(code)));
  if (colourOnMap(code) !== null) {
    const which = MEASURES[state.measure];
    const found = view.value(code);
    const texts = written(found, which, words);
    const counts = found.state === "value" ? words.say.outOf(texts.numerator, texts.denominator) : found.numerator ? `${words.say[which.numerator]} ${texts.numerator}` : "";
    element.append(make("span", "label", words.say[state.measure]), make("span", "share", texts.ratio), make("span", "", counts));
  }
  return element;
}

function pointAt(code) {
  map?.mark(code);
  table.mark(code);
}

async function boundaryFile(name) {
  const response = await fetch(`/areas/${name}.topojson`);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  const topology = await response.json();
  for (const { properties } of topology.objects[name].geometries) boundaries.set(properties.code, properties);
  return topology;
}

/** The districts' borders, fetched when they are first needed. */
async function districtBorders() {
  districtsWanted ??= boundaryFile("districts");
  try {
    const topology = await districtsWanted;
    if (map !== null && map.districts.size === 0) map.setDistricts(topology);
  } catch (error) {
    districtsWanted = null;
    throw error;
  }
}

/** Shows the open area on the map. */
async function showOnMap() {
  if (map === null) return;
  if (state.area !== "") await districtBorders();
  map.show(state.area);
  map.paint(null, colourOnMap);
  summary.showPath(view);
}

/** A link that is followed without loading the page again; change(): what it changes. */
function within(link, change) {
  link.addEventListener("click", (event) => {
    if (asBrowser(event)) return;
    event.preventDefault();
    go(change());
  });
}

async function begin() {
  keepLanguage(state.lang);
  const pages = Object.keys(words.say.otherPages).map((name) => Object.assign(make("a", ""), { href: `/${name}` }));
  for (const page of pages) page.dataset.page = page.pathname.slice(1);
  $("pages").append(...pages);
  wall.set(view, state.wall === "on");
  showAll();
  within($("language"), () => {
    const lang = state.lang === "th" ? "en" : "th";
    keepLanguage(lang);
    return { lang };
  });
  within($("to-wall"), () => ({ wall: "on" }));
  window.addEventListener("popstate", () => {
    const before = state;
    state = readState(location.search);
    arrive(before);
  });
  figures.open(state.area);
  figures.start();
  past.show(state.area, state.day);
  places.show(state.places === "" ? null : state.area);
  setInterval(() => status.show(view), 1_000);
  try {
    if (state.area !== "") districtsWanted = boundaryFile("districts"); // on its way while the provinces are
    const topology = await boundaryFile("provinces");
    map = new AreaMap($("map"), { open: (code) => go({ area: code }, true), point: pointAt, describe, covered: () => timeline.covers, words: words.say });
    map.setProvinces(topology);
    map.enlarge(wall.open);
    showAll(); // names are known now
    await showOnMap();
    firstPicture();
  } catch (error) {
    // The table has everything that the map has; the names, which came with the borders, are asked for.
    console.error(error);
    $("map").replaceChildren(make("p", "", words.say.noMap));
    figures.ask();
  }
}

begin();
