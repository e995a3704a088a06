// What every page has: words in the reader's language, elements, the head with its menu, and the place for notices.

import { holder, signOut } from "./api.js";
import { BANGKOK, chosenLanguage, keepLanguage, LANGUAGES, LOCALES, OWN_NAMES } from "./language.js";
import { TEXTS } from "./text.js";

const MARK = ["M16 28C7 21 4 16.6 4 11.8A6.8 6.8 0 0 1 16 7.4a6.8 6.8 0 0 1 12 4.4C28 16.6 25 21 16 28Z", "M14.2 10.5h3.600v3.700h3.700v3.600h-3.700v3.700h-3.600v-3.700h-3.700v-3.600h3.700z"];

const ADMINISTRATORS = ["central_administrator", "province_administrator"];
export const STAFF = [...ADMINISTRATORS, "district_coordinator", "subdistrict_coordinator"];
const PEOPLE = [...STAFF, "volunteer", "place_officer"];
const KEEPERS = [...STAFF, "place_officer"];

const MENU = [
  { path: "/desk", text: "desk", roles: STAFF },
  { path: "/approvals", text: "approvals", roles: STAFF },
  { path: "/organisation", text: "organisation", roles: STAFF },
  { path: "/performance", text: "performance", roles: STAFF },
  { path: "/week", text: "myWeek", roles: KEEPERS },
  { path: "/lists", text: "lists", roles: KEEPERS },
  { path: "/problems", text: "problems", roles: PEOPLE },
  { path: "/training", text: "training", roles: PEOPLE },
  { path: "/directives", text: "directives", roles: PEOPLE },
  { path: "/coordinators", text: "coordinators", roles: PEOPLE },
  { path: "/monitor", text: "monitor", roles: STAFF },
  { path: "/denominators", text: "denominators", roles: ["central_administrator"] },
];

let language = chosenLanguage();
const spoken = new WeakMap(); // element -> {text, label, placeholder}, to be said again in the other language

/** The reader's language, "th" or "en". */
export function inLanguage() {
  return language;
}

/** The words of a key, with {names} filled in from `values`; a value that is a function is asked at this moment. */
export function say(key, values = {}) {
  const words = TEXTS[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words[LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "function" ? values[name]() : values[name]));
}

function formatted(options) {
  return (text) => new Intl.DateTimeFormat(LOCALES[language], options).format(new Date(text));
}

export const number = (value) => new Intl.NumberFormat(LOCALES[language]).format(value);
export const day = formatted({ dateStyle: "medium", timeZone: BANGKOK });
export const moment = formatted({ dateStyle: "medium", timeStyle: "short", timeZone: BANGKOK });
const month = formatted({ year: "numeric", month: "long", timeZone: BANGKOK });
/** The name of a month that is given as YYYY-MM. */
export const monthName = (text) => month(`${text}-15T00:00:00Z`);

/**
 * Makes an element. `text`, `label` (aria-label) and `placeholder` are what `words` takes; `on` holds listeners;
 * everything else is an attribute, left out where it is null or false. Children are elements or what people wrote.
 */
export function h(name, { text, label, placeholder, on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...present(children));
  speak(element, { text, label, placeholder });
  return element;
}

/** Puts children into an element instead of those that it has; as with `h`, what is null or false is left out. */
export function fill(element, ...children) {
  element.replaceChildren(...present(children));
}

function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

/** Gives an element words: a key, [key, values], or a function that returns text. */
export function speak(element, { text, label, placeholder }) {
  if (text === undefined && label === undefined && placeholder === undefined) return;
  const what = { ...spoken.get(element), ...(text !== undefined && { text }), ...(label !== undefined && { label }), ...(placeholder !== undefined && { placeholder }) };
  spoken.set(element, what);
  element.setAttribute("data-spoken", "");
  if (what.text !== undefined) element.textContent = words(what.text);
  if (what.label !== undefined) element.setAttribute("aria-label", words(what.label));
  if (what.placeholder !== undefined) element.setAttribute("placeholder", words(what.placeholder));
}

function words(what) {
  if (typeof what === "function") return what();
  return Array.isArray(what) ? say(...what) : say(what);
}

/** Speaks to the reader at the top of the page; without words it falls silent. kind: "bad" or "good". */
export function notice(what, kind = "bad") {
  const box = document.getElementById("notice");
  box.hidden = what === undefined;
  box.dataset.kind = kind;
  if (what !== undefined) speak(box, { text: what });
}

/** Says what became of a request that failed. */
export function complain(error) {
  if (!error.isRefusal) throw error;
  notice(() => error.message);
}

/**
 * Begins a page: head, menu and an empty `main`, which is given to `build`. Where `signedIn` is asked for, whoever is not
 * signed in is sent to do so and comes back.
 */
export async function begin({ title, signedIn = false, wide = false }, build) {
  const who = holder();
  if (signedIn && who === null) {
    location.replace(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  document.documentElement.lang = language;
  const main = h("main", { id: "main", tabindex: "-1", class: wide ? "wide" : null }, h("h2", { text: title }));
  document.body.replaceChildren(h("a", { class: "skip", href: "#main", text: "skip" }), head(who), h("p", { id: "notice", class: "notice", role: "alert", hidden: true }), main, foot());
  speakAll(title);
  document.getElementById("language").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    language = otherLanguage();
    keepLanguage(language);
    speakAll(title);
  });
  try {
    await build(main, who);
  } catch (error) {
    complain(error);
  }
  document.body.dataset.ready = ""; // what was asked for at the beginning is here
}

function speakAll(title) {
  document.documentElement.lang = language;
  document.title = `${say("name")} – ${say(title)}`;
  for (const element of document.querySelectorAll("[data-spoken]")) speak(element, spoken.get(element));
  const other = otherLanguage();
  const link = document.getElementById("language");
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  link.href = `?lang=${other}`;
}

function otherLanguage() {
  return LANGUAGES.find((each) => each !== language);
}

function head(who) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 32 32");
  drawing.setAttribute("class", "mark");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(
    ...MARK.map((line, index) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", line);
      if (index) path.setAttribute("class", "inside");
      return path;
    }),
  );
  const entries = who ? MENU.filter(({ roles }) => roles.includes(who.role)) : [];
  const menu = h(
    "nav",
    { id: "menu", class: "menu", label: "menu" },
    h("ul", {}, entries.map(({ path, text }) => h("li", {}, h("a", { href: path, text, "aria-current": path === location.pathname ? "page" : null })))),
  );
  const opener = h("button", {
    type: "button",
    class: "opener",
    "aria-expanded": "false",
    "aria-controls": "menu",
    text: "menu",
    on: {
      click: () => {
        const open = menu.classList.toggle("open");
        opener.setAttribute("aria-expanded", String(open));
      },
    },
  });
  const account = who
    ? h("button", { type: "button", class: "language", text: "signOut", on: { click: () => signOut() } })
    : h("a", { class: "language", href: "/sign-in", text: "signIn", hidden: location.pathname === "/sign-in" });
  return h(
    "header",
    {},
    h(
      "div",
      { class: "top" },
      h("a", { class: "brand", href: "/" }, drawing, h("h1", {}, h("span", { text: "name" }), h("small", { text: "subtitle" }))),
      entries.length > 0 && opener,
      account,
      h("a", { id: "language", class: "language" }),
    ),
    entries.length > 0 && menu,
  );
}

function foot() {
  const links = h("p", {}, h("a", { href: "/docs", text: "interface" }));
  services().then(
    ({ reporting, messages }) => {
      if (reporting) links.prepend(h("a", { href: reporting, text: "liveMap" }), " · ");
      if (messages) links.append(" · ", h("a", { href: "/messages", text: "messages" }));
    },
    () => {}, // without them the page does what it is for
  );
  return h("footer", { class: "credits" }, links);
}

let asked = null;

/** Where the other services are: {facilities, reporting}, and whether text messages can be read here. */
export function services() {
  asked ??= fetch("/services").then((answer) => (answer.ok ? answer.json() : {}));
  return asked;
}
