// What both pages of requests for help share: elements with words in two languages, the head, and asking the services.

import { BANGKOK, chosenLanguage, keepLanguage, LANGUAGES, LOCALES, OWN_NAMES } from "./language.js";
import { TEXTS } from "./help-text.js";

const ANSWER_MS = 20_000;

let language = chosenLanguage();
const spoken = new WeakMap(); // element -> its words, to be said again in the other language

export const inLanguage = () => language;

/** The words of a key, with {names} filled in; a value that is a function is asked at this moment. */
export function say(key, values = {}) {
  const words = TEXTS[key];
  if (words === undefined) throw new Error(`no words for ${key}`);
  return words[LANGUAGES.indexOf(language)].replace(/\{(\w+)\}/g, (_, name) => (typeof values[name] === "function" ? values[name]() : values[name]));
}

const formatted = (options) => (text) => new Intl.DateTimeFormat(LOCALES[language], { ...options, timeZone: BANGKOK }).format(new Date(text));
export const moment = formatted({ dateStyle: "medium", timeStyle: "short" });

/** Makes an element; `text` and `label` are a key, [key, values] or a function, said in the reader's language. */
export function h(name, { text, label, on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  if (text !== undefined || label !== undefined) speak(element, { text, label });
  return element;
}

/** Gives an element words instead of those before. */
export function speak(element, words) {
  spoken.set(element, words);
  element.setAttribute("data-spoken", "");
  const said = (what) => (typeof what === "function" ? what() : Array.isArray(what) ? say(...what) : say(what));
  if (words.text !== undefined) element.textContent = said(words.text);
  if (words.label !== undefined) element.setAttribute("aria-label", said(words.label));
}

/** Speaks to the reader at the top; without words it falls silent. */
export function notice(what, kind = "bad") {
  const box = document.getElementById("notice");
  box.hidden = what === undefined;
  box.dataset.kind = kind;
  if (what !== undefined) speak(box, { text: what });
}

/** Begins a page with a head and an empty `main`; `translated` is called after the language was changed. */
export function begin(title, { wide = false, account = null, translated = () => {} } = {}) {
  const main = h("main", { id: "main", tabindex: "-1", class: wide ? "wide" : null });
  const other = h("a", { id: "language", class: "language" });
  other.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    language = otherLanguage();
    keepLanguage(language);
    speakAll(title);
    translated();
  });
  document.body.replaceChildren(
    h("a", { class: "skip", href: "#main", text: "skip" }),
    h("header", { class: "top" }, h("div", { class: "brand" }, h("h1", {}, h("span", { text: "name" }), h("small", { text: title }))), account, other),
    h("p", { id: "notice", class: "notice", role: "alert", hidden: true }),
    main,
  );
  speakAll(title);
  return main;
}

const otherLanguage = () => LANGUAGES.find((each) => each !== language);

function speakAll(title) {
  document.documentElement.lang = language;
  document.title = `${say("name")} – ${say(title)}`;
  for (const element of document.querySelectorAll("[data-spoken]")) speak(element, spoken.get(element));
  const link = document.getElementById("language");
  const other = otherLanguage();
  link.textContent = OWN_NAMES[other];
  link.lang = link.hreflang = other;
  link.href = `?lang=${other}`;
}

/** A request that was not done: refused by a service, or never answered. */
export class Refusal extends Error {
  constructor(status, problem) {
    super(problem?.errors?.[0]?.message ?? problem?.detail ?? problem?.message ?? problem?.title ?? say("unreachable"));
    this.isRefusal = true;
    this.status = status;
    this.code = problem?.code ?? problem?.error ?? "unreachable";
    this.errors = problem?.errors ?? [];
    this.document = problem;
  }
}

/** Asks a service: {method, json, form, token, signal}. Gives the answer's JSON, or its `Response` where `raw`. */
export async function ask(address, { method = "GET", json, form, token = null, raw = false, signal } = {}) {
  let answer;
  try {
    answer = await fetch(address, {
      method,
      body: json !== undefined ? JSON.stringify(json) : form && new URLSearchParams(form),
      headers: {
        "Accept-Language": language,
        ...(json === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      },
      signal: signal ?? AbortSignal.timeout(ANSWER_MS),
    });
  } catch {
    throw new Refusal(0, null);
  }
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => null));
  return raw ? answer : answer.json();
}

/** Says what became of a request that failed. */
export function complain(error) {
  if (!error.isRefusal) throw error;
  notice(() => error.message);
}

let addresses = null;

/** Where the other services are. */
export function services() {
  addresses ??= ask("/services").catch((error) => {
    addresses = null;
    throw error;
  });
  return addresses;
}

/** A labelled field: {element, control, showError(text)}. */
export function field({ name, label, hint, optional = false, control = "input", ...attributes }, ...children) {
  const id = `field-${name}`;
  const error = h("p", { id: `${id}-error`, class: "error", hidden: true });
  const input = h(control, { id, name, "aria-describedby": [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" "), ...attributes }, ...children);
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, h("span", { text: label }), optional && h("small", { text: "optional" })),
    hint && h("p", { id: `${id}-hint`, class: "hint", text: hint }),
    input,
    error,
  );
  return {
    element,
    control: input,
    showError(what) {
      error.hidden = what === undefined;
      if (what === undefined) input.removeAttribute("aria-invalid");
      else {
        input.setAttribute("aria-invalid", "true");
        speak(error, { text: what });
      }
    },
  };
}

/** A button that is busy while what it does is not done. */
export function button(text, act, attributes = {}) {
  const element = h("button", { type: "button", class: "button", text, ...attributes });
  element.addEventListener("click", async () => {
    if (element.disabled) return;
    element.disabled = true;
    notice();
    try {
      await act(element);
    } catch (error) {
      complain(error);
    } finally {
      element.disabled = false;
    }
  });
  return element;
}
