// Asks for the hour of samples again and again, and shows it: a card for intake and for each group, and the processes.

import { chart } from "./chart.js";
import { chosenLanguage, LANGUAGES, OWN_NAMES } from "./language.js";
import { speech } from "./text.js";

const ANSWER_MS = 4_000; // a page of this machine answers at once, or not at all

const $ = (id) => document.getElementById(id);

const words = speech(chosenLanguage());
const { say } = words;
const opened = new Set(); // groups whose partitions are shown
let state = null;
let heardAt = 0; // by the clock of this browser, which alone tells how long ago that was

speak();
void watch();

async function watch() {
  for (;;) {
    try {
      const answer = await fetch("state", { signal: AbortSignal.timeout(ANSWER_MS) });
      if (!answer.ok) throw new Error(`state: ${answer.status}`);
      state = await answer.json();
      heardAt = performance.now();
      show();
      showStatus(false);
    } catch {
      showStatus(true);
    }
    await new Promise((resolve) => setTimeout(resolve, (state?.every_seconds ?? 1) * 1000));
  }
}

/** The present moment by the clock of the machine that took the samples. */
function now() {
  return state.now + (performance.now() - heardAt) / 1000;
}

function isStale(at) {
  return at === null || now() - at > state.stale_seconds;
}

function showStatus(unreachable) {
  const notice = $("notice");
  if (state === null) {
    notice.hidden = !unreachable;
    notice.textContent = say.unreachable;
    return;
  }
  const stale = unreachable || isStale(state.sampled_at);
  $("status").dataset.state = stale ? "stale" : "live";
  $("status-text").textContent = stale ? say.stale : say.live(words.time(state.sampled_at));
  document.body.dataset.stale = stale;
  const said = unreachable ? say.unreachable : stale ? say.staleLong(words.time(state.sampled_at)) : state.running ? "" : say.unsupervised;
  notice.hidden = !said;
  if (notice.textContent !== said) notice.textContent = said; // read out once, not at every sample
}

function show() {
  // The card that the reader is in is not taken away under the hand: what is open stays open, the focus where it was.
  const focused = document.activeElement?.closest?.("[data-group]")?.dataset.group;
  const groups = state.groups.toSorted((one, other) => place(one) - place(other) || one.group.localeCompare(other.group));
  $("cards").replaceChildren(intakeCard(state.intake), ...groups.map(groupCard));
  if (focused) document.querySelector(`[data-group="${CSS.escape(focused)}"] summary`)?.focus();
  $("processes").replaceChildren(...state.processes.map(processRow));
}

/** Where a group stands on a record's way; those that we do not know come last. */
function place(group) {
  const known = Object.keys(say.groups).indexOf(group.group);
  return known < 0 ? Number.MAX_SAFE_INTEGER : known;
}

function groupCard(group) {
  const stale = isStale(group.seen_at);
  const card = cardOf(group.group, say.groups[group.group] ?? group.group, stale ? "stale" : group.trend, group.processes);
  card.append(
    figures([
      [say.waiting, words.number(group.lag), "lag"],
      [say.oldest, words.duration(group.oldest_seconds), "oldest"],
      [say.rate, words.rate(group.records_per_second), "rate"],
      [say.drained, words.duration(group.drain_seconds), "drained"],
    ]),
  );
  if (group.partitions < group.most_partitions) card.append(node("p", "partly", say.partly(group.partitions, group.most_partitions)));
  card.append(
    picture("lag", say.waiting, group.samples.map(([at, lag]) => [at, lag]), words.number),
    picture("rate", say.rate, group.samples.map(([at, , rate]) => [at, rate]), words.rate),
    partitionsOf(group),
  );
  return card;
}

function intakeCard(intake) {
  const stale = isStale(intake.seen_at);
  const card = cardOf("survey-http", say.intake, stale ? "stale" : null, intake.processes);
  const refused = Object.entries(intake.refused_per_second).map(([status, rate]) => `${status}: ${words.rate(rate)}`);
  card.append(
    figures([
      [say.accepted, words.rate(intake.accepted_per_second), "accepted"],
      [say.refused, refused.join(" · ") || words.rate(0), "refused"],
      [say.inFlight, words.number(intake.in_flight), "in-flight"],
      [say.p99, intake.p99_seconds === null ? say.unknown : words.duration(intake.p99_seconds), "p99"],
    ]),
    picture("rate", say.accepted, intake.samples.map(([at, accepted]) => [at, accepted]), words.rate),
    picture("refused", say.refused, intake.samples.map(([at, , refusedRate]) => [at, refusedRate]), words.rate),
  );
  return card;
}

function cardOf(name, title, trend, processes) {
  const card = node("section", "card");
  card.dataset.group = name;
  if (trend) card.dataset.trend = trend;
  const head = node("div", "head");
  head.append(node("h2", "", title));
  if (trend) head.append(node("span", "trend", say.trends[trend]));
  card.append(head, node("p", "who", `${name} · ${say.running(processes)}`));
  return card;
}

function figures(rows) {
  const list = node("dl", "figures");
  for (const [label, value, name] of rows) {
    const pair = node("div", "");
    const shown = node("dd", "", value);
    shown.dataset.figure = name;
    pair.append(node("dt", "", label), shown);
    list.append(pair);
  }
  return list;
}

function picture(kind, what, samples, write) {
  const highest = samples.reduce((most, [, value]) => Math.max(most, value), 0);
  const made = node("figure", "");
  made.append(
    node("figcaption", "", what),
    chart({
      samples,
      now: now(),
      span: state.kept_seconds,
      broken: state.stale_seconds,
      kind,
      label: say.pictureOf(what, write(highest)),
      highest,
      write,
      words,
    }),
  );
  return made;
}

function partitionsOf(group) {
  const details = node("details", "");
  details.open = opened.has(group.group);
  details.addEventListener("toggle", () => (details.open ? opened.add(group.group) : opened.delete(group.group)));
  const list = node("ol", "partitions");
  const most = Math.max(1, ...group.by_partition.map(([, , waiting]) => waiting));
  for (const [topic, number, waiting] of group.by_partition) {
    const item = node("li", "");
    const bar = document.createElement("meter");
    Object.assign(bar, { min: 0, max: most, value: waiting });
    bar.setAttribute("aria-hidden", "true");
    item.append(node("span", "place", `${topic} ${number}`), bar, node("span", "waiting", words.number(waiting)));
    list.append(item);
  }
  details.append(node("summary", "", say.byPartition(group.by_partition.length)), list);
  return details;
}

function processRow(process) {
  const row = node("tr", "");
  row.dataset.process = process.name;
  row.dataset.state = process.state;
  const name = node("th", "", process.name);
  name.scope = "row";
  row.append(
    name,
    node("td", "state", say.states[process.state] ?? process.state),
    node("td", "", String(process.port)),
    node("td", "", words.number(process.restarts)),
  );
  return row;
}

function node(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/** Puts the chosen language's words where the page has fixed ones. */
function speak() {
  document.documentElement.lang = words.language;
  document.title = say.title;
  for (const part of document.querySelectorAll("[data-text]")) part.textContent = say[part.dataset.text];
  $("status-text").textContent = say.loading;
  $("columns").replaceChildren(
    ...Object.values(say.columns).map((title) => {
      const head = node("th", "", title);
      head.scope = "col";
      return head;
    }),
  );
  const other = LANGUAGES.find((language) => language !== words.language);
  Object.assign($("language"), { href: `?lang=${other}`, lang: other, hreflang: other, textContent: OWN_NAMES[other] });
}
