// The month's performance: which month, area and level is looked at lives in the address; rows come page by page.

import { keepLanguage, keptLanguage, LANGUAGES, OWN_NAMES } from "./language.js";
import { order, save } from "./papers.js";
import { addressOfFile, ask, BACK, LEVELS as SEEN } from "./performance-source.js";
import { fullName, GROUPS, speech } from "./performance-text.js";

const ROWS = 200;
const OLD_MS = 300_000; // an open month is summed up within a minute
const FIGURES = GROUPS.flatMap(([, figures]) => figures);
const LEVELS = ["province", "district", "subdistrict", "organisation", "volunteer"];
const DEFAULTS = { month: "", area: "", level: "", sort: "households_new", revision: "", lang: "th" };
const ALLOWED = {
  month: (value) => /^\d{4}-\d{2}$/.test(value),
  area: (value) => /^(\d{2}|\d{4}|\d{6})?$/.test(value),
  level: (value) => LEVELS.includes(value),
  sort: (value) => FIGURES.includes(value),
  revision: (value) => /^\d{1,4}$/.test(value),
  lang: (value) => LANGUAGES.includes(value),
};

const $ = (id) => document.getElementById(id);
const names = new Map(); // code -> {name_th, name_en}
let state = readState();
let words = speech(state.lang);
let months = [];
let shown = null; // the answer that is on the page, with all of its rows
let turn = 0; // goes up with every question: an answer to an older one is not shown
let ordered = 0; // the same for documents

function readState() {
  const asked = new URLSearchParams(location.search);
  const found = { ...DEFAULTS, lang: keptLanguage() };
  for (const [key, allowed] of Object.entries(ALLOWED)) {
    const value = asked.get(key);
    if (value !== null && allowed(value)) found[key] = value;
  }
  return found;
}

function addressOf(which) {
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(which)) if (value !== DEFAULTS[key]) said.set(key, value);
  if (which.lang !== keptLanguage()) said.set("lang", which.lang);
  const text = said.toString();
  return text ? `?${text}` : location.pathname;
}

function go(change, visit = true) {
  state = { ...state, ...change };
  history[visit ? "pushState" : "replaceState"](null, "", addressOf(state));
  return load();
}

/** The level that is shown: the one that was chosen where it lies inside the area, otherwise the next one below it. */
function level() {
  const own = state.area.length / 2 - 1; // of LEVELS; -1 is the country
  const chosen = LEVELS.indexOf(state.level);
  return chosen > own ? state.level : LEVELS[Math.min(own + 1, 2)];
}

/** Whether the area of a code can be opened here: what lies in it has to be of a level that is seen. */
function opens(code) {
  return /^\d{2}(\d{2})?$/.test(code) && SEEN.includes(LEVELS[code.length / 2]);
}

function query(more = {}) {
  const asked = { area: state.area, level: level(), sort: state.sort, ...more };
  if (state.revision !== "") asked.revision = state.revision;
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ""));
}

async function load(cursor = null) {
  const mine = ++turn;
  showFrame();
  delete document.body.dataset.ready;
  $("rows").classList.add("busy");
  try {
    const answer = await ask(`/v1/performance/${state.month}?${query({ limit: ROWS, ...(cursor === null ? {} : { cursor }) })}`);
    if (mine !== turn) return;
    for (const row of answer.rows) if (row.name_th) names.set(row.key, row);
    await learnNames();
    if (mine !== turn) return;
    shown = cursor === null ? answer : { ...answer, rows: [...shown.rows, ...answer.rows] };
    notice(null);
  } catch (error) {
    if (mine !== turn) return;
    shown = null;
    notice(refusal(error));
  }
  showAll();
  $("rows").classList.remove("busy");
  document.body.dataset.ready = ""; // what was asked for is here
}

/** What to say of an error. */
function refusal({ code }) {
  const { say } = words;
  return { token_missing: say.signIn, forbidden: say.signIn, other_area: say.signIn, too_wide: say.tooWide, too_many_rows: say.tooMany }[code] ?? say.failed;
}

/** The names of the open area and of those around it, for the path above the heading. */
async function learnNames() {
  const codes = [state.area.slice(0, 2), state.area.slice(0, 4), state.area];
  for (const code of new Set(codes)) {
    if (code === "" || names.has(code)) continue;
    const own = ["province", "district", "subdistrict"][code.length / 2 - 1];
    const { rows } = await ask(`/v1/performance/${state.month}?${new URLSearchParams({ area: code, level: own, limit: 1 })}`);
    if (rows[0]?.name_th) names.set(code, rows[0]);
  }
}

function notice(text) {
  const box = $("notice");
  box.hidden = text === null;
  if (text !== null) box.textContent = text;
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function showFrame() {
  const { say } = words;
  document.documentElement.lang = state.lang;
  document.title = say.title;
  for (const each of document.querySelectorAll("[data-text]")) each.textContent = say[each.dataset.text];
  for (const each of document.querySelectorAll("[data-label]")) each.ariaLabel = say[each.dataset.label];
  const other = LANGUAGES.find((each) => each !== state.lang);
  const link = $("language");
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  link.href = addressOf({ ...state, lang: other });
  showPath();
  showChoices();
}

function showPath() {
  const codes = [...new Set(["", state.area.slice(0, 2), state.area.slice(0, 4), state.area])];
  const items = codes.map((code) => {
    const name = code === "" ? words.say.country : fullName(code, names.has(code) ? words.name(names.get(code)) : code, words);
    if (code === state.area) return element("span", { "aria-current": "page" }, name);
    const link = element("a", { href: addressOf({ ...state, area: code, level: "" }) }, name);
    link.addEventListener("click", (event) => follow(event, { area: code, level: "" }));
    return link;
  });
  $("path").replaceChildren(...items);
  $("path").hidden = state.area === "";
  $("place").textContent = items.at(-1).textContent;
}

function follow(event, change) {
  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  go(change);
  $("place").focus();
}

function showChoices() {
  const { say } = words;
  $("month").replaceChildren(
    ...months.map(({ month, state: standing }) => {
      const name = words.month(month);
      return option(month, standing === "closed" ? name : say.openMonth(name), state.month);
    }),
  );
  const own = state.area.length / 2 - 1;
  $("level").replaceChildren(...LEVELS.filter((each, place) => (place > own || (own === 2 && place === 2)) && SEEN.includes(each)).map((each) => option(each, say.levels[each], level())));
  const revisions = months.find(({ month }) => month === state.month)?.revisions.length ?? 0;
  $("revisions").hidden = revisions < 2;
  const numbers = Array.from({ length: revisions }, (_, place) => revisions - place);
  $("revision").replaceChildren(...numbers.map((number) => option(String(number), say.revisionName(number), state.revision || String(revisions))));
}

function option(value, text, chosen) {
  const made = element("option", { value }, text);
  made.selected = value === chosen;
  return made;
}

function showAll() {
  showFrame();
  showStanding();
  showTotals();
  showTable();
}

function showStanding() {
  const { say } = words;
  const box = $("standing");
  if (shown === null) {
    box.textContent = "";
    for (const id of ["reason", "hash"]) $(id).hidden = true;
    return;
  }
  const streams = Object.values(shown.as_of ?? {});
  const newest = streams.map(({ time }) => time).filter(Boolean).toSorted().at(-1);
  const asOf = [newest && say.asOf(words.time(newest)), ...behind(streams)].filter(Boolean);
  box.dataset.state = shown.state;
  box.textContent = (shown.state === "closed" ? [say.closed(words.time(shown.closed_at), shown.revision)] : [say.open, ...asOf]).join(" · ");
  $("reason").hidden = !shown.reason;
  $("reason").textContent = shown.reason ? say.reasonIs(shown.reason) : "";
  $("hash").hidden = !shown.hash;
  $("hash").textContent = shown.hash ? say.hashIs(shown.hash) : "";
}

/** Why the figures of a month that is still counted are not all there, or not new. */
function behind(streams) {
  const { say } = words;
  const waiting = streams.reduce((sum, { lag }) => sum + (lag ?? 0), 0);
  const old = streams.some(({ lag_measured_at }) => lag_measured_at && Date.now() - Date.parse(lag_measured_at) > OLD_MS);
  return [streams.some(({ filling }) => filling) && say.filling, waiting > 0 && say.waits(words.number(waiting)), old && say.old];
}

function showTotals() {
  const { say } = words;
  const boxes = shown === null ? [] : GROUPS.flatMap(([group, figures]) =>
    figures.map((figure) =>
      element("div", { "data-figure": figure }, element("dt", {}, `${say.groups[group]}: ${say.figures[figure]}`), element("dd", {}, ...written(shown.total[figure], shown.total_before[figure]))),
    ),
  );
  $("totals").replaceChildren(...boxes);
}

/** A count and below it by how much it differs from the month before, in words for who does not see the difference. */
function written(now, before, corrected) {
  const { say } = words;
  if (now === null || now === undefined) return [say.withheld];
  const difference = now - (before ?? 0);
  const change = element("span", { class: "change", title: difference ? say.before(words.change(difference)) : say.same }, difference ? words.change(difference) : "=");
  const parts = [words.number(now), change];
  if (corrected) parts.push(element("span", { class: "corrected" }, say.wasClosed(words.number(corrected.closed))));
  return parts;
}

function showTable() {
  const { say } = words;
  const of = say.who[level()];
  $("caption").textContent = state.month ? say.caption(words.month(state.month), of) : "";
  const first = element(
    "tr",
    {},
    element("th", { scope: "col", class: "rank", rowspan: 2 }, say.rank),
    element("th", { scope: "col", class: "who", rowspan: 2 }, of),
    ...GROUPS.map(([group, figures]) => element("th", { scope: "colgroup", class: "group", colspan: figures.length }, say.groups[group])),
  );
  const second = element("tr", {}, ...FIGURES.map(sorting));
  $("heads").replaceChildren(first, second);
  $("rows").replaceChildren(...(shown?.rows ?? []).map(rowOf));
  $("more").hidden = !shown?.cursor;
}

function sorting(figure) {
  const head = element("th", { scope: "col" });
  if (figure === state.sort) head.ariaSort = "descending";
  const button = element("button", { type: "button", "data-sort": figure }, words.say.figures[figure]);
  button.title = words.say.sortBy(words.say.figures[figure]);
  button.addEventListener("click", async () => {
    await go({ sort: figure }, false); // the button that was pressed is another one then
    document.querySelector(`[data-sort="${figure}"]`).focus();
  });
  head.append(button);
  return head;
}

function rowOf(row) {
  const name = row.key === "none" ? words.say.nobody : (words.name(row) ?? row.key);
  let label = name;
  if (opens(row.key)) {
    label = element("a", { href: addressOf({ ...state, area: row.key, level: "" }) }, name);
    label.addEventListener("click", (event) => follow(event, { area: row.key, level: "" }));
  }
  return element(
    "tr",
    { "data-key": row.key },
    element("td", { class: "rank" }, row.rank === null ? "–" : words.number(row.rank)),
    element("th", { scope: "row", class: "who" }, label),
    ...FIGURES.map((figure) => element("td", {}, ...written(row.figures?.[figure], row.before?.[figure], row.corrected?.[figure]))),
  );
}

async function download(form) {
  const mine = ++ordered;
  const { say } = words;
  const letterhead = form === "pdf" ? Object.fromEntries([...new FormData($("letterhead"))].map(([name, value]) => [name, value.trim()])) : {};
  const bar = $("progress");
  $("making").hidden = false;
  bar.removeAttribute("value");
  $("told").textContent = say.waiting;
  try {
    const path = `/v1/performance/${state.month}.${form}?${query({ lang: state.lang, ...letterhead })}`;
    const ready = await order(ask, path, showProgress, () => mine === ordered);
    if (mine !== ordered) return;
    bar.max = bar.value = 1;
    $("told").textContent = say.ready(ready.file_name, words.size(ready.size));
    save(addressOfFile(ready.content), ready.file_name);
  } catch (error) {
    if (mine !== ordered) return;
    bar.max = 1;
    bar.value = 0;
    $("told").textContent = refusal(error) === say.failed ? say.failedPaper : refusal(error);
  }
}

function showProgress({ state: standing, rows, of }) {
  const { say } = words;
  const bar = $("progress");
  if (standing === "making" && of > 0) {
    bar.max = of;
    bar.value = rows;
  }
  const text = standing === "waiting" ? say.waiting : of > 0 ? say.writtenOf(words.number(rows), words.number(of)) : say.written(words.number(rows));
  // Written only when it differs: a screen reader says every writing aloud.
  if ($("told").textContent !== text) $("told").textContent = text;
}

async function begin() {
  keepLanguage(state.lang);
  $("back").href = BACK.path;
  $("back").dataset.text = BACK.text;
  showFrame();
  showTable();
  $("language").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    const lang = LANGUAGES.find((each) => each !== state.lang);
    keepLanguage(lang);
    words = speech(lang);
    state = { ...state, lang };
    history.replaceState(null, "", addressOf(state));
    showAll();
  });
  $("choices").addEventListener("submit", (event) => event.preventDefault());
  $("letterhead").addEventListener("submit", (event) => event.preventDefault());
  $("month").addEventListener("change", ({ target }) => go({ month: target.value, revision: "" }));
  $("level").addEventListener("change", ({ target }) => go({ level: target.value }));
  $("revision").addEventListener("change", ({ target }) => go({ revision: target.value }));
  $("more").addEventListener("click", () => load(shown.cursor));
  for (const button of document.querySelectorAll("[data-form]")) button.addEventListener("click", () => download(button.dataset.form));
  window.addEventListener("popstate", () => {
    state = { ...readState(), month: new URLSearchParams(location.search).get("month") ?? months[0]?.month ?? "" };
    words = speech(state.lang);
    load();
  });
  try {
    ({ months } = await ask("/v1/performance"));
  } catch (error) {
    notice(refusal(error));
  }
  if (state.month === "" && months.length > 0) state.month = (months.find(({ state: standing }) => standing === "closed") ?? months[0]).month;
  if (state.month !== "") await load();
  else document.body.dataset.ready = "";
}

begin();
