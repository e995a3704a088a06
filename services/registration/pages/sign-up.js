// Signing up: the group code that hangs on the wall, a name, a phone and an area; then the code that was sent to the phone.

import { ask } from "./api.js";
import { areaChoice } from "./areas.js";
import { field, form } from "./form.js";
import { begin, h, notice, speak } from "./page.js";
import { presentNotice } from "./privacy-notice.js";

begin({ title: "signUp" }, async (main) => {
  const { version, said, whole } = await presentNotice();
  const area = areaChoice({ label: "whereYouWork" });
  // A poster may carry the code in its address, behind a "#", which no server sees.
  const given = new URLSearchParams(location.hash.slice(1)).get("code") ?? "";
  const groupCode = field({
    name: "group_code",
    label: "groupCode",
    hint: "groupCodeHint",
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
    maxlength: "40",
    value: given,
  });
  groupCode.classList.add("group-code");
  const first = h(
    "section",
    { class: "card" },
    h("p", { class: "soft", text: "signUpExplained" }),
    form({
      parts: [
        groupCode,
        field({ name: "name", label: "fullName", hint: "fullNameHint", autocomplete: "name", maxlength: "200" }),
        field({ name: "phone", label: "phone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel" }),
        area,
        h("section", { class: "privacy", "aria-labelledby": "privacy-title" }, h("h3", { id: "privacy-title", text: "yourData" }), said, whole),
      ],
      submit: "continue",
      send: async (values) => {
        const { volunteer_id: id } = await ask("POST", "/v1/volunteers", { json: { ...values, notice: version } });
        confirm(main, first, id, values.phone);
      },
    }),
    h("p", { class: "hint" }, h("a", { href: "/#help", text: "noCode" })),
  );
  main.append(first);
});

/** The second step: the code that came by text message proves that the number is right. */
function confirm(main, first, id, phone) {
  const code = field({ name: "code", label: "oneTimeCode", hint: "oneTimeCodeHint", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12" });
  code.classList.add("code-field");
  const second = h(
    "section",
    { class: "card" },
    h("h3", { text: ["codeSentTo", { phone }] }),
    form({
      parts: [code],
      submit: "confirmPhone",
      send: async (values) => {
        await ask("POST", `/v1/volunteers/${id}/phone-confirmation`, { json: values });
        done(second);
      },
    }),
    h("button", {
      type: "button",
      class: "button quiet",
      text: "wrongNumber",
      on: {
        click: () => {
          second.replaceWith(first);
          notice();
          first.querySelector("[name=phone]").focus();
        },
      },
    }),
  );
  first.replaceWith(second);
  second.querySelector("input").focus();
}

function done(second) {
  const told = h(
    "div",
    { class: "done", tabindex: "-1", role: "status" },
    h("h3", { text: "signedUp" }),
    h("p", { text: "signedUpNext" }),
    h("a", { class: "button", href: "/", text: "toBeginning" }),
  );
  second.replaceWith(told);
  speak(document.querySelector("h2"), { text: "thanks" });
  told.focus();
}
