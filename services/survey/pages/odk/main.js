// A volunteer makes a key for a device with ODK Collect or KoboCollect, sets it up by a picture, and ends it.
//
// The key is in this page's memory alone, for as long as it is shown; the picture is asked for below the key, since the
// service knows no more of it than its hash.

import { ask } from "../api.js";
import { useTexts } from "../elements.js";
import { action, askInWindow, field, form } from "../form.js";
import { begin, day, fill, h, notice } from "../page.js";
import { TEXTS } from "../text.js";
import { ODK_TEXTS } from "./text.js";

const KEYS = "/v1/openrosa-keys";
const STEPS = ["step1", "step2", "step3", "step4"];
const TONES = { good: "good", ended: "inactive", revoked: "inactive" };

useTexts({ ...TEXTS, ...ODK_TEXTS });

begin({ title: "odkTitle", signedIn: true, wide: true }, async (main) => {
  const shown = h("div", { "aria-live": "polite" });
  const list = h("ul", { class: "list" });
  main.append(
    h("p", { class: "lead", text: "odkLead" }),
    h(
      "section",
      { class: "card" },
      form({
        parts: [field({ name: "label", label: "deviceLabel", hint: "deviceLabelHint", maxlength: "60", autocomplete: "off" })],
        submit: "makeKey",
        send: async ({ label }, element) => {
          const made = await ask("POST", KEYS, { json: { label } });
          element.reset();
          fill(shown, keyCard(made, label, () => fill(shown)));
          shown.querySelector("h3").focus();
          await refresh(list);
        },
      }),
    ),
    shown,
    h("section", { class: "card" }, h("h3", { text: "myKeys" }), list),
  );
  await refresh(list);
});

/** The key and what to do with it; `hide` takes it away. */
function keyCard(made, label, hide) {
  return h(
    "section",
    { class: "card shown" },
    h("h3", { tabindex: "-1", text: ["newKey", { label }] }),
    h("p", { class: "hint", text: ["goodUntil", { day: () => day(made.ends_at) }] }),
    h("p", { text: "shownOnce" }),
    h("h4", { text: "byPicture" }),
    h(
      "div",
      { class: "way" },
      picture(made.qr_svg),
      h(
        "div",
        {},
        h("ol", {}, STEPS.map((text) => h("li", { text }))),
        h("p", { class: "hint", text: "sameDevice" }),
        h("div", { class: "buttons" }, h("a", { class: "button", href: here(made.qr_png), download: "odk.png", text: "downloadPicture" })),
      ),
    ),
    h("h4", { text: "byHand" }),
    h(
      "dl",
      { class: "typed" },
      h("dt", { text: "serverUrl" }),
      h("dd", { id: "server-url" }, made.basic_url),
      h("dt", { text: "userName" }),
      h("dd", {}, "jitasa"),
      h("dt", { text: "password" }),
      h("dd", { class: "key", id: "key" }, made.key),
    ),
    h("div", { class: "buttons" }, h("button", { type: "button", class: "button primary", text: "done", on: { click: hide } })),
  );
}

function picture(address) {
  const image = h("img", { class: "qr", src: here(address), width: "340", height: "340", alt: "" });
  return h("div", { role: "img", label: "qrAlt" }, image);
}

/** The path of an address of this service: whatever name it calls itself by, this page is already there. */
function here(address) {
  return new URL(address).pathname;
}

async function refresh(list) {
  const { keys } = await ask("GET", KEYS);
  fill(list, keys.length === 0 ? h("li", { class: "empty", text: "noKeys" }) : keys.map((key) => row(key, list)));
}

function row(key, list) {
  return h(
    "li",
    { class: "row", "data-key": key.key_id },
    h(
      "span",
      { class: "grow" },
      h("span", { class: "name" }, key.label),
      h("span", { class: "who", text: ["madeOn", { day: () => day(key.made_at) }] }),
      h("span", { class: "who", text: key.used_on === null ? "neverUsed" : ["usedOn", { day: () => day(key.used_on) }] }),
      key.state === "good" && h("span", { class: "who", text: ["goodUntil", { day: () => day(key.ends_at) }] }),
    ),
    h("span", { class: `tag ${TONES[key.state]}`, text: `state_${key.state}` }),
    key.state === "good" && action({ text: "revoke", class: "button bad", run: () => revoke(key, list) }),
  );
}

function revoke(key, list) {
  askInWindow({
    title: ["revokeTitle", { label: key.label }],
    parts: [h("p", { text: "revokeHint" })],
    submit: "revoke",
    send: async () => {
      await ask("DELETE", `${KEYS}/${key.key_id}`);
      await refresh(list);
      notice("revoked", "good");
    },
  });
}
