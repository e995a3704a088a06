// Signing in with a phone: a code by text message, and back to the page that asked for it.

import { holder, sendCode, signIn } from "./api.js";
import { h } from "./elements.js";
import { field, form } from "./form.js";
import { STAFF } from "./frame.js";

/** The form of a sign-in; `beside` is shown under its first step, `home` is where somebody goes who came from nowhere. */
export function signInForm({ beside = null, home = (staff) => (staff ? "/desk" : "/") }) {
  const first = h(
    "section",
    { class: "card" },
    form({
      parts: [field({ name: "phone", label: "phone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel" })],
      submit: "sendCode",
      send: async ({ phone }) => {
        await sendCode(phone);
        askCode(first, phone, home);
      },
    }),
    beside,
  );
  return first;
}

function askCode(first, phone, home) {
  const code = field({ name: "code", label: "oneTimeCode", hint: "oneTimeCodeHint", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12" });
  code.classList.add("code-field");
  const second = h(
    "section",
    { class: "card" },
    h("h3", { text: ["codeSentTo", { phone }] }),
    h("p", { class: "hint", text: "noCodeCame" }),
    form({
      parts: [code],
      submit: "signIn",
      send: async (values) => {
        await signIn(phone, values.code);
        location.assign(next(home));
      },
    }),
    h("button", {
      type: "button",
      class: "button quiet",
      text: "otherNumber",
      on: {
        click: () => {
          second.replaceWith(first);
          first.querySelector("input").focus();
        },
      },
    }),
  );
  first.replaceWith(second);
  second.querySelector("input").focus();
}

/** Back to where somebody came from: a path of this origin and nothing else. */
function next(home) {
  const asked = new URL(new URLSearchParams(location.search).get("next") ?? "", location.origin);
  if (asked.origin === location.origin && asked.pathname !== "/" && asked.pathname !== "/sign-in") return asked.href; // its path alone may begin with //, and be another origin's address
  return home(STAFF.includes(holder()?.role));
}
