// The volunteer's phone: what is shown when, and what holds it together.

import { fill, h, inLanguage, notice, speakAll, switchable, useTexts } from "../elements.js";
import { blankFollowUp, followUpOf, showFollowUp } from "./follow-up.js";
import { Forms } from "./forms.js";
import { newId } from "./ids.js";
import { fetchLists, NOTHING, storedLists } from "./lists.js";
import { nextHouse } from "./rules.js";
import { Away, lastVolunteer, Session, SignedOut } from "./session.js";
import { askPhone, askPin } from "./start.js";
import { blankHousehold, showSurvey, submissionOf } from "./survey.js";
import { Sync } from "./sync.js";
import { TEXTS } from "./texts.js";
import { home, reach, records } from "./views.js";

const HIDDEN_MS = 10 * 60_000; // a phone that was put away for so long is locked again
const LISTS_EVERY_MS = 15 * 60_000;

useTexts(TEXTS);

const main = h("main", { id: "main", tabindex: "-1" });
const nav = h("nav", { class: "tabs-below", hidden: true });
let app = null; // {session, forms, sync, lists}, once the vault is open
let view = null; // what is shown: "home", "reach" or "records"; null while a form is

document.documentElement.lang = inLanguage();
document.body.replaceChildren(
  h("a", { class: "skip", href: "#main", text: "skip" }),
  h("header", {}, h("div", { class: "top" }, h("div", { class: "brand" }, h("h1", { text: "name" })), h("a", { id: "language", class: "language" }))),
  h("p", { id: "notice", class: "notice", role: "alert", hidden: true }),
  main,
  nav,
);
nav.append(
  ...[
    ["home", "home", () => go("home")],
    ["survey", "newSurvey", () => act.survey(null)],
    ["reach", "toReach", () => go("reach")],
    ["records", "records", () => go("records")],
  ].map(([name, text, run]) => h("button", { type: "button", "data-tab": name, text, on: { click: run } })),
);
speakAll("home");
switchable(() => "home");
begin();

async function begin() {
  if ("serviceWorker" in navigator) navigator.serviceWorker.register("/sw.js").catch(() => {}); // without it there is no opening offline
  const last = lastVolunteer();
  const session = last === null ? null : await Session.of(last);
  if (session !== null && (await session.vault.hasPin())) askPin(main, session, { enter, signIn: (known) => askPhone(main, { enter, known }) });
  else askPhone(main, { enter });
  document.body.dataset.ready = "";
}

async function enter(session) {
  notice();
  if (app !== null && app.session !== session) return location.reload(); // another volunteer: nothing of the first stays open
  if (app?.session === session) {
    app.sync.now();
    return go("home");
  }
  const forms = new Forms(session);
  const sync = new Sync(session, forms, (form) => (form.kind === "survey" ? submissionOf(form) : followUpOf(form)));
  app = { session, forms, sync, lists: await storedLists(session).catch(() => NOTHING), act };
  for (const source of [forms, sync]) source.addEventListener("change", () => view !== null && redraw());
  addEventListener("beforeunload", (event) => forms.unsaved.size > 0 && event.preventDefault());
  let hidden = null;
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") hidden = Date.now();
    else if (hidden !== null && Date.now() - hidden > HIDDEN_MS && forms.unsaved.size === 0) location.reload();
  });
  sync.start();
  setInterval(() => act.refresh().catch(() => {}), LISTS_EVERY_MS);
  await go("home");
  await act.refresh();
}

/** Shows one of the pages; what was said before falls silent, unless `said` is about it. */
async function go(name, said = false) {
  if (!said) notice();
  view = name;
  nav.hidden = false;
  for (const tab of nav.children) tab.setAttribute("aria-current", tab.dataset.tab === name ? "page" : "false");
  scrollTo(0, 0);
  await redraw();
}

let drawing = null;

/** Draws the page anew; several changes while it is drawn are one. */
function redraw() {
  drawing ??= Promise.resolve()
    .then(() => {
      drawing = null;
      return view === null ? null : draw(view);
    });
  return drawing;
}

const VIEWS = { home, reach, records };

async function draw(name) {
  const parts = await VIEWS[name](app);
  if (view !== name) return; // somebody went on meanwhile
  fill(main, ...parts);
  document.body.dataset.view = name;
}

function openForm(form) {
  view = null;
  nav.hidden = true;
  document.body.dataset.view = "form";
  const done = (finished) => {
    if (finished) {
      app.sync.now();
      notice("finished", "good");
    }
    go(form.kind === "survey" ? "home" : "reach", finished !== undefined);
  };
  if (form.kind === "survey") showSurvey(main, form, { forms: app.forms, areas: app.lists.areas, done });
  else showFollowUp(main, form, { forms: app.forms, points: app.lists.points, done });
}

const act = {
  /** A new survey: of a house of the list, or of the next door. */
  async survey(house) {
    notice();
    let known = {};
    if (house !== null) {
      const { village } = house;
      known = { area: village?.slice(0, 6) ?? house.area ?? "", moo: village ? String(Number(village.slice(6))) : "", house: house.house ?? "", unit: house.unit ?? "" };
    } else {
      const before = (await app.forms.all()).find(({ kind, state }) => kind === "survey" && ["finished", "sent", "draft"].includes(state));
      const answers = before ? (await app.forms.opened(before)).answers : null;
      if (answers) known = { area: answers.area, moo: answers.moo, house: nextHouse(answers.house) };
    }
    const { area } = app.session.who;
    openForm(app.forms.begin("survey", blankHousehold({ ...known, area: known.area || (area.length === 6 ? area : "") })));
  },

  follow(person) {
    openForm(app.forms.begin("follow_up", blankFollowUp(person)));
  },

  async open(form) {
    openForm(await app.forms.opened(form));
  },

  /** What was refused becomes a draft with a new id: the former one may be known for something else. */
  async correct(form) {
    const { errors, fate, clock, ...rest } = await app.forms.opened(form);
    if (errors?.some(({ path }) => path === "captured_at")) delete rest.answers.captured; // the clock was wrong, and may be right by now
    const draft = { ...rest, id: newId(), state: "draft", changed: Date.now(), answers: { ...rest.answers, step: "house" } };
    if (await app.forms.save(draft)) await app.forms.remove(form);
    openForm(draft);
    if (errors?.length) notice(() => errors.map(({ message }) => message).join(" · "));
  },

  async refresh() {
    try {
      app.lists = await fetchLists(app.session);
    } catch (error) {
      if (!(error instanceof Away) && !(error instanceof SignedOut)) throw error;
    }
    if (view !== null) await redraw();
  },

  signIn() {
    view = null;
    nav.hidden = true;
    askPhone(main, { enter, known: app.session });
  },

  lock() {
    location.reload();
  },

  async exportForms() {
    const url = URL.createObjectURL(new Blob([await app.forms.exported()], { type: "application/json" }));
    h("a", { href: url, download: `jitasa-${new Date().toLocaleDateString("sv")}.json` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser has begun to write it by then
  },

  importForms() {
    const chosen = h("input", { type: "file", accept: ".json", on: {
      change: async () => {
        try {
          const count = await app.forms.imported(await chosen.files[0].text());
          notice(["imported", { count }], "good");
          app.sync.now();
        } catch {
          notice("importFailed");
        }
      },
    } });
    chosen.click();
  },
};
