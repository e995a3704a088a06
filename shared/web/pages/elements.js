// Elements that speak the reader's language: made once, and said again when the language is switched.

import { BANGKOK, chosenLanguage, keepLanguage, LANGUAGES, LOCALES, OWN_NAMES } from "./language.js";
import { Refusal } from "./refusal.js";

let texts = {};
let language = chosenLanguage();
const spoken = new WeakMap(); // element -> {text, label, placeholder}, to be said again in the other language

/** Gives the page its words: by key, [Thai, English]. */
export function useTexts(words) {
  texts = words;
}

/** The reader's language, "th" or "en". */
export function inLanguage() {
  return language;
}

/** The words of a key, with {names} filled in from `values`; a value that is a function is asked at this moment. */
export function say(key, values = {}) {
  const words = texts[key];
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

/** Says everything anew in the language of the moment; `title` is the page's, `#language` the link that switches. */
export function speakAll(title) {
  document.documentElement.lang = language;
  document.title = `${say("name")} – ${say(title)}`;
  for (const element of document.querySelectorAll("[data-spoken]")) speak(element, spoken.get(element));
  const other = otherLanguage();
  const link = document.getElementById("language");
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  link.href = `?lang=${other}`;
}

/** Lets `#language` switch the page in place; a click for another tab or window goes its own way. */
export function switchable(title) {
  document.getElementById("language").addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    language = otherLanguage();
    keepLanguage(language);
    speakAll(title());
  });
}

function otherLanguage() {
  return LANGUAGES.find((each) => each !== language);
}

let asked = null;

/** Where the other services are, by name, and what else the service tells its pages; asked until it is told. Raises `Refusal`. */
export function services() {
  asked ??= fetch("/services")
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(answer.status)))
    .catch(() => {
      asked = null;
      throw new Refusal(0, null);
    });
  return asked;
}
