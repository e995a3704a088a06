// What the figures can be trusted by: asked for again and again, more often while figures are made anew.

import { chosenLanguage, keepLanguage, OWN_NAMES } from "./language.js";
import { speech } from "./trust-text.js";

const OFTEN_MS = 2_000;
const SELDOM_MS = 15_000;
const ANSWER_MS = 10_000;
const OLD_MS = 2 * 3_600_000; // it is compared every hour

const $ = (id) => document.getElementById(id);
let language = chosenLanguage();
let words = speech(language);
let shown = null;

function speak() {
  document.documentElement.lang = language;
  document.title = words.title;
  for (const part of document.querySelectorAll("[data-text]")) part.textContent = words[part.dataset.text];
  for (const part of document.querySelectorAll("[data-label]")) part.setAttribute("aria-label", words[part.dataset.label]);
  const other = language === "th" ? "en" : "th";
  const link = $("language");
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  link.href = `?lang=${other}`;
}

function fill(table, rows) {
  const heads = table.tHead.rows[0].cells;
  table.tBodies[0].replaceChildren(
    ...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((text, place) => {
        const cell = document.createElement(place ? "td" : "th");
        if (!place) cell.scope = "row";
        cell.className = heads[place].className;
        cell.textContent = typeof text === "number" ? words.number(text) : text;
        row.append(cell);
      });
      return row;
    }),
  );
}

const table = (id) => $(id).querySelector("table") ?? $(id);
const names = (services) => services.map((name) => words.services[name] ?? name).join(", ");
const stream = (topic) => words.streams[topic] ?? topic;

function showAgreement({ reconciliations, differences }) {
  const [last] = reconciliations;
  const verdict = $("verdict");
  const old = last && Date.now() - Date.parse(last.ended_at) > OLD_MS;
  let state = "unknown";
  if (!last) verdict.textContent = words.notYet;
  else if (old) verdict.textContent = words.old(words.time(last.ended_at));
  else if (last.differing) [state, verdict.textContent] = ["bad", words.differs(words.number(last.differing))];
  else if (last.absent.length) verdict.textContent = words.incomplete;
  else [state, verdict.textContent] = ["good", words.agrees];
  verdict.dataset.state = state;
  $("compared").textContent = last ? words.compared(words.number(last.compared), words.time(last.ended_at)) : "";
  const beside = [];
  if (last?.absent.length) beside.push(words.absent(names(last.absent)));
  if (last?.moving) beside.push(words.moving(words.number(last.moving)));
  $("beside").textContent = beside.join(" · ");
  $("beside").hidden = !beside.length;
  $("differences").hidden = !differences.length;
  fill(
    table("differences"),
    differences.map((one) => [
      one.area ? one[`name_${language}`] : words.country,
      words.services[one.service] ?? one.service,
      one.figures,
      one.begins_on ? words.day(one.begins_on) : "–",
    ]),
  );
  $("history").hidden = reconciliations.length < 2;
  fill(
    table("history"),
    reconciliations.map((one) => [words.time(one.ended_at), one.compared, one.differing, one.moving, names(one.absent) || "–"]),
  );
}

function showRebuilds({ rebuilds }) {
  const open = rebuilds.find(({ state }) => state === "waiting" || state === "filling");
  $("standing").textContent = open ? (open.state === "filling" ? words.fills : words.waits) : words.idle;
  const filling = open?.state === "filling" && open.of > 0;
  $("filling").hidden = !filling;
  if (filling) {
    const share = Math.min(1, open.done / open.of);
    $("progress").value = share;
    const passed = (Date.now() - Date.parse(open.began_at)) / 1000;
    const left = share > 0.02 && share < 1 ? words.left(words.duration((passed * (1 - share)) / share)) : "";
    // Rounded down: what is not done is not 100 percent.
    const text = words.done(words.number(open.done), words.number(open.of), words.share(Math.floor(share * 100) / 100));
    $("progress-text").textContent = text + left;
  }
  $("rebuilds").hidden = !rebuilds.length;
  fill(
    table("rebuilds"),
    rebuilds.map((one) => [
      words.time(one.asked_at),
      words.origins[one.origin] ?? one.origin,
      (words.states[one.state] ?? one.state) + (one.cause ? `: ${words.failures[one.cause] ?? one.cause}` : ""),
      one.began_at && one.ended_at ? words.duration((Date.parse(one.ended_at) - Date.parse(one.began_at)) / 1000) : "–",
    ]),
  );
}

function showUnread({ dead_letters, gaps }) {
  $("letters-none").hidden = dead_letters.length + gaps.length > 0;
  $("letters").hidden = !dead_letters.length;
  fill(
    table("letters"),
    dead_letters.map((one) => [stream(one.topic), words.causes[one.cause] ?? one.cause, one.letters]),
  );
  $("gaps").hidden = !gaps.length;
  $("gaps").replaceChildren(
    ...gaps.map((gap) => {
      const item = document.createElement("li");
      item.textContent = words.gap(stream(gap.topic), words.number(gap.partition), words.time(gap.seen_at));
      return item;
    }),
  );
}

function showStreams({ as_of }) {
  const streams = Object.entries(as_of);
  fill(
    table("streams"),
    streams.map(([topic, one]) => [stream(topic), one.time ? words.time(one.time) : "–", one.lag ?? "–"]),
  );
  $("filled").hidden = !streams.some(([, one]) => one.filling);
}

function show() {
  if (!shown) return;
  showAgreement(shown);
  showRebuilds(shown);
  showUnread(shown);
  showStreams(shown);
}

async function look() {
  try {
    const answer = await fetch("/v1/trust", { signal: AbortSignal.timeout(ANSWER_MS) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    shown = await answer.json();
    $("notice").hidden = true;
    document.body.dataset.state = "shown";
    show();
  } catch {
    $("notice").textContent = words.away;
    $("notice").hidden = false;
  }
  const busy = shown?.rebuilds.some(({ state }) => state === "waiting" || state === "filling");
  setTimeout(look, busy ? OFTEN_MS : SELDOM_MS);
}

$("language").addEventListener("click", (event) => {
  event.preventDefault();
  language = event.currentTarget.lang;
  keepLanguage(language);
  history.replaceState(null, "", `?lang=${language}`);
  words = speech(language);
  speak();
  show();
});

speak();
look();
