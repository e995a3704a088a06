// A citizen, who has no account: proves a phone with a code. The token is kept in this tab alone, and is good for what
// concerns that phone: its requests for help, and requests about one's own data.

import { ask, issuerAddress } from "./api.js";
import { action, field, form } from "./form.js";
import { fill, h } from "./page.js";

const KEPT = "jitasa.phone-proof";
const EARLY_MS = 60_000; // a proof that ends within this is asked for anew, so that it does not run out on the way

/** The phone that was proved here, while that holds; otherwise null. */
export function provenPhone() {
  return kept()?.phone ?? null;
}

/** Forgets the proof. */
export function endProof() {
  sessionStorage.removeItem(KEPT);
}

/** `ask` of api.js as whoever proved the phone. */
export async function askAsCitizen(method, path, options = {}) {
  try {
    return await ask(method, path, { ...options, token: kept()?.token ?? null });
  } catch (error) {
    if (error.status === 401) endProof();
    throw error;
  }
}

/** Asks for a phone in `place` and lets it be proved; `beside` is shown under the form, then `done` is called. */
export function askPhone(place, { title, hint = null, beside = null, done }) {
  fill(
    place,
    h(
      "section",
      { class: "card" },
      h("h3", { text: title }),
      hint && h("p", { class: "hint", text: hint }),
      form({
        parts: [field({ name: "phone", label: "phone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel" })],
        submit: "sendCode",
        send: ({ phone }) => prove(place, phone, { done, back: () => askPhone(place, { title, hint, beside, done }) }),
      }),
      beside,
    ),
  );
}

/**
 * Sends a code to a phone and asks for it in `place`; `submit` is what the button says. Then `done` is called, again too
 * when it failed and the button is pressed again; `back` when another number, or another code, is wanted.
 */
export async function prove(place, phone, { submit = "prove", done, back }) {
  const { proof_id: id } = await ask("POST", `${await issuerAddress()}/v1/phone-proofs`, { json: { phone }, token: null });
  fill(
    place,
    h(
      "section",
      { class: "card" },
      h("h3", { text: ["codeSentTo", { phone }] }),
      h("p", { class: "hint", text: "proofSent" }),
      form({
        parts: [field({ name: "code", label: "oneTimeCode", hint: "oneTimeCodeHint", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12" })],
        submit,
        send: async ({ code }) => {
          if (provenPhone() === null) await exchange(phone, id, code);
          await done();
        },
      }),
      h("p", { class: "buttons" }, action({ text: "otherNumber", class: "button quiet", run: back })),
    ),
  );
  place.querySelector("[data-field=code]").classList.add("code-field");
  place.querySelector("input").focus();
}

async function exchange(phone, id, code) {
  const given = await ask("POST", `${await issuerAddress()}/v1/phone-proofs/${id}/token`, { json: { code }, token: null });
  sessionStorage.setItem(KEPT, JSON.stringify({ phone, token: given.access_token, expires: Date.now() + given.expires_in * 1000 }));
}

function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT));
    return found !== null && found.expires - Date.now() > EARLY_MS ? found : null;
  } catch {
    return null;
  }
}
