// Forms: fields with their errors beside them, and sending.

import { h, notice, speak } from "./elements.js";
import { complain } from "./frame.js";

/**
 * A labelled input, select or textarea. `control` is the element's name, further properties are its attributes. What is
 * not required is marked so, unless nobody would expect it to be (`marked`).
 */
export function field({ name, label, hint, control = "input", required = true, marked = true, ...attributes }, ...children) {
  const id = `field-${name}`;
  const describedBy = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  return h(
    "div",
    { class: "field", "data-field": name },
    h("label", { for: id }, h("span", { text: label }), !required && marked && h("small", { text: "optional" })),
    hint && h("p", { id: `${id}-hint`, class: "hint", text: hint }),
    h(control, { id, name, "aria-required": required ? "true" : null, "aria-describedby": describedBy, ...attributes }, ...children),
    h("p", { id: `${id}-error`, class: "error", hidden: true }),
  );
}

/** A select of [value, text] pairs. */
export function selectField({ options, ...properties }) {
  return field({ ...properties, control: "select" }, options.map(([value, text]) => h("option", { value, text })));
}

/** A box to tick. */
export function tick({ name, label, ...attributes }) {
  const id = `field-${name}`;
  return h("div", { class: "tick" }, h("input", { type: "checkbox", id, name, ...attributes }), h("label", { for: id, text: label }));
}

/**
 * A form of `parts` (elements, and choices of areas.js). `send` gets the trimmed values by name; what it refuses is shown
 * beside the fields that it names, and anything else above the button. A choice says by `missing` what to say without one.
 */
export function form({ parts, submit, send, quiet = false }) {
  const choices = parts.filter((part) => part && part.element);
  const problem = h("p", { class: "error form-error", role: "alert", hidden: true });
  const button = h("button", { class: quiet ? "button" : "button primary", text: submit });
  const element = h("form", { novalidate: true }, parts.map((part) => part && (part.element ?? part)), problem, button);

  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    notice();
    clear();
    if (missing()) return;
    const values = {};
    for (const control of element.elements) {
      if (control.name && control.type !== "checkbox" && control.type !== "file" && control.type !== "radio") values[control.name] = control.value.trim();
      if (control.name && control.type === "checkbox") values[control.name] = control.checked;
      if (control.name && control.type === "radio" && control.checked) values[control.name] = control.value;
      if (control.name && control.type === "file") values[control.name] = [...control.files];
    }
    for (const choice of choices) values[choice.element.dataset.field] = choice.value;
    button.disabled = true;
    button.dataset.busy = "";
    try {
      await send(values, element);
    } catch (error) {
      if (!error.isRefusal) throw error;
      show(error);
    } finally {
      button.disabled = false;
      delete button.dataset.busy;
    }
  });

  function clear() {
    problem.hidden = true;
    for (const box of element.querySelectorAll(".field .error")) box.hidden = true;
    for (const control of element.querySelectorAll("[aria-invalid]")) control.removeAttribute("aria-invalid");
    for (const choice of choices) choice.showError();
  }

  /** What has to be there and is not is said before anything is sent. */
  function missing() {
    const wrong = [...element.querySelectorAll("[aria-required=true]")].filter((control) => control.value.trim() === "").map((control) => mark(control, "required"));
    for (const choice of choices.filter(({ complete }) => !complete)) {
      choice.showError(choice.missing);
      wrong.push(choice);
    }
    wrong.sort((one, other) => (placeOf(one).compareDocumentPosition(placeOf(other)) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    wrong[0]?.focus();
    return wrong.length > 0;
  }

  function placeOf(wrong) {
    return wrong.element ?? wrong;
  }

  function mark(control, text) {
    control.setAttribute("aria-invalid", "true");
    const error = document.getElementById(`${control.id}-error`);
    error.hidden = false;
    speak(error, { text });
    return control;
  }

  function show(refusal) {
    const wrong = [];
    const others = [];
    for (const { path, message } of refusal.errors) {
      const name = path.split(/[.[]/)[0];
      const choice = choices.find((each) => each.element.dataset.field === name);
      const control = element.elements.namedItem(path) ?? element.elements.namedItem(name) ?? element.elements.namedItem(path.split(".").at(-1)); // contact.phone is phone here
      if (choice) {
        choice.showError(() => message);
        wrong.push(choice);
      } else if (control instanceof HTMLElement && document.getElementById(`${control.id}-error`)) {
        wrong.push(mark(control, () => message));
      } else {
        others.push(message);
      }
    }
    if (wrong.length === 0 || others.length > 0) {
      problem.hidden = false;
      speak(problem, { text: () => others.join(" ") || refusal.message });
    }
    wrong[0]?.focus();
  }

  return element;
}

/** A button that does something while it cannot be pressed again; refusals are said at the top. */
export function action({ text, run, ...attributes }, ...children) {
  const button = h(
    "button",
    {
      type: "button",
      class: "button",
      text,
      ...attributes,
      on: {
        click: async () => {
          notice();
          button.disabled = true;
          try {
            await run(button);
          } catch (error) {
            complain(error);
          } finally {
            button.disabled = false;
          }
        },
      },
    },
    ...children,
  );
  return button;
}

/** Asks in a window of its own: a title, a form, and a way back. The form's `send` closes it when it succeeds. */
export function askInWindow({ title, parts, submit, send }) {
  const window = h("dialog", { class: "window", "aria-labelledby": "window-title" });
  const made = form({
    parts,
    submit,
    send: async (values) => {
      await send(values);
      window.close();
    },
  });
  made.append(h("button", { type: "button", class: "button", text: "cancel", on: { click: () => window.close() } }));
  window.append(h("h3", { id: "window-title", text: title }), made);
  window.addEventListener("close", () => window.remove());
  document.body.append(window);
  window.showModal();
  return window;
}

/** Shows something in a window of its own, with a button to close it. */
export function showInWindow(title, ...children) {
  const window = h("dialog", { class: "window", "aria-labelledby": "window-title" }, h("h3", { id: "window-title", text: title }), ...children);
  window.append(h("button", { type: "button", class: "button primary", text: "close", on: { click: () => window.close() } }));
  window.addEventListener("close", () => window.remove());
  document.body.append(window);
  window.showModal();
  return window;
}
