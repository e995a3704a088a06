// What the views of subscribers share: tables, states, secrets that are shown once, and redrawing in place.

import { action, showInWindow } from "../form.js";
import { fill, h, moment, number, say } from "../page.js";
import { keep } from "../saving.js";

export const STREAMS = ["volunteer-registered", "survey-submitted", "facility-updated", "further-facility-updated", "help-updated"];
const STATE_TAGS = { in_force: "good", active: "good", applying: "waiting", verifying: "waiting", revoking: "bad", revoked: "bad", password_lost: "bad", unverified: "bad", disabled: "bad", ended: "bad" };

/** When something was, or that it never was. */
export const when = (time) => () => (time ? moment(time) : say("never"));
export const count = (value) => () => number(value);
export const state = (value) => h("span", { class: `tag ${STATE_TAGS[value] ?? ""}`, text: `state_${value}` });
export const stream = (name) => h("span", { text: `stream_${name}` });

/** A table that a phone shows as one block for each row: heads are words, `rows` hold a list of cells each. */
export function table(caption, heads, rows) {
  return h(
    "table",
    { class: "stack" },
    h("caption", { text: caption }),
    h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col", text })))),
    h("tbody", {}, rows.map(([first, ...others]) => h("tr", {}, h("th", { scope: "row" }, first), others.map((cell, place) => h("td", {}, h("span", { class: "narrow", text: heads[place + 1] }), h("span", { class: "grow" }, [cell].flat(Infinity))))))),
  );
}

/** Names of streams, in one line. */
export const streamsOf = (names) => names.flatMap((name, place) => [place > 0 && " · ", stream(name)]);

/** A list of terms: pairs of words and what belongs to them. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(Boolean).flatMap(([text, ...value]) => [h("dt", { text }), h("dd", {}, value.flat())]));
}

/** Puts other children into an element; what is open stays open, and who is at a button stays there. */
export function redraw(box, ...children) {
  const open = new Set([...box.querySelectorAll("details[open]")].map(({ dataset }) => dataset.key));
  const key = box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
  fill(box, ...children);
  for (const details of box.querySelectorAll("details")) details.open = open.has(details.dataset.key);
  if (key) box.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

/** Shows what is shown this once: secrets by their words, and files by their names, which can be saved. */
export function showOnce(title, secrets, files = {}) {
  const window = showInWindow(
    title,
    h("p", { text: "shownOnce" }),
    Object.entries(secrets).map(([text, value]) => h("p", {}, h("span", { text }), h("output", { class: "secret", "data-secret": text }, value))),
    Object.entries(files).map(([name, content]) => h("details", {}, h("summary", {}, name), h("pre", { class: "file", tabindex: "0" }, content), action({ text: ["saveFile", { name }], run: () => keep(new Blob([content]), name) }))),
  );
  window.classList.add("large");
}

/** The files of a subscriber of Kafka, by the names by which they name each other. */
export function kafkaFiles({ authority, librdkafka, java, python }) {
  return { "jitasa-kafka-authority.pem": authority, "jitasa-librdkafka.properties": librdkafka, "jitasa-java.properties": java, "jitasa_consumer.py": python };
}
