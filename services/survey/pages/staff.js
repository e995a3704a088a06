// Whoever holds a role signs in: by registration's tokens, kept in the tab's sessionStorage as its own pages keep them
// (services/registration/pages/api.js says why), and renewed before they run out.

import { ask, button, complain, field, h, notice, services } from "./help-page.js";

const KEPT = "jitasa.sign-in";
const EARLY_MS = 30_000;

function signedIn() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** Who is signed in: {subject, role, area}; null for nobody. What the token says is for showing only. */
export function holder() {
  const kept = signedIn();
  if (kept === null) return null;
  try {
    const claims = JSON.parse(atob(kept.access.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return { subject: claims.sub, role: claims.role, area: claims.area };
  } catch {
    return null;
  }
}

let renewing = null;

/** A token that is good for a while; null when nobody is signed in any more. */
export async function accessToken() {
  const kept = signedIn();
  if (kept === null) return null;
  if (kept.expires - Date.now() < EARLY_MS) {
    renewing ??= exchange({ grant_type: "refresh_token", refresh_token: kept.refresh })
      .catch((error) => {
        if (error.status >= 400 && error.status < 500 && error.status !== 429) sessionStorage.removeItem(KEPT);
        throw error;
      })
      .finally(() => (renewing = null));
    await renewing;
  }
  return signedIn()?.access ?? null;
}

async function exchange(form) {
  const { registration } = await services();
  const given = await ask(`${registration}/v1/tokens`, { method: "POST", form });
  sessionStorage.setItem(KEPT, JSON.stringify({ access: given.access_token, refresh: given.refresh_token, expires: Date.now() + given.expires_in * 1000 }));
}

/** Ends the sign-in here and at the service. */
export async function signOut() {
  const kept = signedIn();
  sessionStorage.removeItem(KEPT);
  if (kept !== null) {
    const { registration } = await services();
    const form = { token: kept.refresh, token_type_hint: "refresh_token" };
    await ask(`${registration}/v1/tokens/revocation`, { method: "POST", form, raw: true }).catch(() => {}); // it ends by itself as well
  }
  location.reload();
}

/** The two steps of signing in; `done` is called after the second. */
export function signInForm(done) {
  const box = h("section", { class: "card" });
  const phone = field({ name: "phone", label: "phone", type: "tel", inputmode: "tel", autocomplete: "tel" });
  const first = h("form", { novalidate: true }, h("h2", { text: "signIn" }), h("p", { class: "hint", text: "forStaff" }), phone.element, h("button", { class: "button primary", text: "sendSignInCode" }));
  first.addEventListener("submit", async (event) => {
    event.preventDefault();
    notice();
    try {
      const { registration } = await services();
      await ask(`${registration}/v1/codes`, { method: "POST", json: { phone: phone.control.value.trim() } });
      box.replaceChildren(second(phone.control.value.trim()));
      box.querySelector("input").focus();
    } catch (error) {
      complain(error);
    }
  });

  function second(number) {
    const code = field({ name: "code", label: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12", class: "code" });
    const form = h("form", { novalidate: true }, h("h2", { text: ["codeSent", { phone: number }] }), code.element, h("button", { class: "button primary", text: "signIn" }), button("back", () => box.replaceChildren(first), { class: "button quiet" }));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      notice();
      try {
        await exchange({ grant_type: "urn:jitasa:one-time-code", phone: number, code: code.control.value });
        await done();
      } catch (error) {
        complain(error);
      }
    });
    return form;
  }

  box.append(first);
  return box;
}
