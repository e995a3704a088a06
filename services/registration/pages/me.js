// What is held about whoever is signed in: his copy, the correction of his name, another phone, and the end of it all.

import { ask, signOut } from "./api.js";
import { learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, form } from "./form.js";
import { begin, h, notice } from "./page.js";
import { presentNotice } from "./privacy-notice.js";
import { save } from "./saving.js";

begin({ title: "myData" }, async (main, who) => {
  if (who === null && location.search === "?erased") return main.append(erased());
  if (who === null) return location.replace("/sign-in?next=/me");
  const [me, told] = await Promise.all([ask("GET", `/v1/volunteers/${who.subject}`), presentNotice(), learnNames([who.area])]);
  main.append(held(me), copies(), correction(me), otherPhone(), h("section", { class: "card" }, h("h3", { text: "yourData" }), told.said, told.whole), ending());
});

function held({ name, phone, role, area }) {
  const rows = [
    ["fullName", name ?? "–"],
    ["phone", phone ?? "–"],
    ["myRole", h("span", { text: role })],
    ["myArea", h("span", { text: placeName(area) })],
  ];
  return h("section", { class: "card" }, h("dl", { class: "facts" }, rows.flatMap(([text, value]) => [h("dt", { text }), h("dd", {}, value)])));
}

function copies() {
  const copy = (kind) => save("/v1/me/copy", null, { form: kind });
  return h(
    "section",
    { class: "card" },
    h("h3", { text: "myCopy" }),
    h("p", { class: "soft", text: "myCopyExplained" }),
    h("p", { class: "buttons" }, action({ text: "copyToRead", class: "button primary", run: () => copy("html") }), action({ text: "copyForPrograms", run: () => copy("json") })),
  );
}

function correction({ name }) {
  return h(
    "section",
    { class: "card" },
    h("h3", { text: "correctName" }),
    form({
      parts: [field({ name: "name", label: "fullName", hint: "fullNameHint", autocomplete: "name", maxlength: "200", value: name ?? "" })],
      submit: "saveName",
      quiet: true,
      send: async (values) => {
        await ask("PATCH", "/v1/me", { json: values });
        notice("nameSaved", "good");
      },
    }),
  );
}

function otherPhone() {
  const first = form({
    parts: [field({ name: "phone", label: "newPhone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel" })],
    submit: "sendCode",
    quiet: true,
    send: async ({ phone }) => {
      const { proof_id } = await ask("POST", "/v1/phone-proofs", { json: { phone } });
      const second = askForCode(phone, proof_id);
      first.replaceWith(second);
      second.querySelector("input").focus();
    },
  });
  return h("section", { class: "card" }, h("h3", { text: "otherPhone" }), h("p", { class: "soft", text: "otherPhoneExplained" }), first);
}

function askForCode(phone, proof_id) {
  const code = field({ name: "code", label: "oneTimeCode", hint: "oneTimeCodeHint", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12" });
  code.classList.add("code-field");
  return form({
    parts: [h("p", { text: ["codeSentTo", { phone }] }), code],
    submit: "changePhone",
    send: async (values) => {
      await ask("PUT", "/v1/me/phone", { json: { phone, proof_id, ...values } });
      await signOut("/sign-in?next=/me");
    },
  });
}

function ending() {
  return h(
    "section",
    { class: "card" },
    h("h3", { text: "eraseMe" }),
    h("p", { class: "soft", text: "eraseMeExplained" }),
    h("p", { class: "buttons" }, action({ text: "eraseMe", class: "button bad", run: confirmErasure })),
  );
}

function confirmErasure() {
  const window = askInWindow({
    title: "eraseMeTitle",
    parts: [h("ul", { class: "steps" }, ["eraseGone", "eraseStays", "eraseOffice", "eraseSurvey", "eraseFinal"].map((text) => h("li", { text })))],
    submit: "eraseForGood",
    send: async () => {
      await ask("POST", "/v1/me/erasure", { json: { confirmed: true } });
      await signOut("/me?erased");
    },
  });
  window.querySelector("form button").classList.replace("primary", "bad");
  window.querySelector("form > button:last-of-type").focus(); // the way back: Enter alone erases nobody
}

function erased() {
  return h("div", { class: "done", role: "status" }, h("h3", { text: "erasedTitle" }), h("p", { text: "erasedNext" }), h("a", { class: "button", href: "/", text: "toBeginning" }));
}
