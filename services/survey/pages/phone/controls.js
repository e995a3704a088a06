// What forms on a phone are made of: large targets, one hand, no typing where a tap will do.

import { h, speak } from "../elements.js";

let last = 0;

/** A labelled input. `set` gets each new value; `error` of the result shows a key of the texts, or nothing. */
export function input({ label, hint, value = "", set, optional = false, ...attributes }) {
  const id = `field-${(last += 1)}`;
  const problem = h("p", { id: `${id}-error`, class: "error", role: "alert", hidden: true });
  const control = h("input", {
    id,
    value,
    autocomplete: "off",
    ...attributes,
    "aria-describedby": [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" "),
    on: { input: ({ target }) => set(target.value, element) },
  });
  const element = h(
    "div",
    { class: "field" },
    h("label", { for: id }, h("span", { text: label }), optional && h("small", { text: "optional" })),
    control,
    hint && h("p", { id: `${id}-hint`, class: "hint", text: hint }),
    problem,
  );
  element.control = control;
  element.error = (what) => showError(control, problem, what);
  return element;
}

/** A select of [value, text] pairs, a text being what `h` takes. */
export function select({ label, options, value, set, optional = false }) {
  const id = `field-${(last += 1)}`;
  const problem = h("p", { id: `${id}-error`, class: "error", role: "alert", hidden: true });
  const control = h(
    "select",
    { id, "aria-describedby": `${id}-error`, on: { change: ({ target }) => set(target.value) } },
    options.map(([key, text]) => h("option", { value: key, text, selected: key === value })),
  );
  const element = h("div", { class: "field" }, h("label", { for: id }, h("span", { text: label }), optional && h("small", { text: "optional" })), control, problem);
  element.control = control;
  element.error = (what) => showError(control, problem, what);
  return element;
}

/** Buttons of which one is chosen; the same one again chooses none, where `optional`. */
export function choice({ label, options, value, set, optional = false, columns = options.length }) {
  const id = `choice-${(last += 1)}`;
  const problem = h("p", { class: "error", role: "alert", hidden: true });
  const buttons = options.map(([key, text]) =>
    h("button", {
      type: "button",
      class: "option",
      "data-value": key,
      "aria-pressed": String(key === value),
      text,
      on: {
        click: () => {
          value = key === value && optional ? null : key;
          for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.value === value));
          problem.hidden = true;
          set(value);
        },
      },
    }),
  );
  const element = h("div", { class: "field", role: "group", "aria-labelledby": id, "data-columns": columns }, h("p", { id, class: "label", text: label }), h("div", { class: "options" }, buttons), problem);
  element.error = (what) => {
    problem.hidden = what === undefined;
    if (what !== undefined) speak(problem, { text: what });
  };
  return element;
}

/** Buttons of which any number is chosen; `values` is changed in place. */
export function several({ label, options, values, set }) {
  const id = `choice-${(last += 1)}`;
  const buttons = options.map(([key, text]) =>
    h("button", {
      type: "button",
      class: "option",
      "data-value": key,
      "aria-pressed": String(values.includes(key)),
      text,
      on: {
        click: ({ currentTarget }) => {
          const index = values.indexOf(key);
          if (index < 0) values.push(key);
          else values.splice(index, 1);
          currentTarget.setAttribute("aria-pressed", String(index < 0));
          set(values);
        },
      },
    }),
  );
  return h("div", { class: "field", role: "group", "aria-labelledby": id, "data-columns": 2 }, h("p", { id, class: "label", text: label }), h("div", { class: "options" }, buttons));
}

/** A switch. */
export function toggle({ label, value, set }) {
  const id = `field-${(last += 1)}`;
  return h("div", { class: "tick" }, h("input", { id, type: "checkbox", checked: value, on: { change: ({ target }) => set(target.checked) } }), h("label", { for: id, text: label }));
}

/** A part that is opened by who needs it. */
export function folded(label, open, ...children) {
  return h("details", { class: "folded", open }, h("summary", { text: label }), ...children);
}

export function button(text, run, { kind = "", ...attributes } = {}) {
  return h("button", { type: "button", class: `button ${kind}`, text, on: { click: run }, ...attributes });
}

/** A button for what cannot be undone: at the first press it says so (`sure`), at the second it runs. */
export function twice(text, sure, run) {
  const element = button(text, () => {
    if (element.dataset.sure !== undefined) return run();
    element.dataset.sure = "";
    speak(element, { text: sure });
  }, { kind: "quiet" });
  return element;
}

/** The bar at the bottom, where a thumb reaches. */
export function actions(...buttons) {
  return h("div", { class: "actions" }, buttons);
}

function showError(control, problem, what) {
  problem.hidden = what === undefined;
  if (what === undefined) control.removeAttribute("aria-invalid");
  else {
    speak(problem, { text: what });
    control.setAttribute("aria-invalid", "true");
  }
}
