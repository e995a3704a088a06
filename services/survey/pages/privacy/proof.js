// Who proved a phone: a token that is kept in this tab alone, and for requests about one's own data alone.

import { ask, issuerAddress, Refusal } from "../api.js";
import { keptLanguage } from "../language.js";

const KEPT = "jitasa.phone-proof";
const ANSWER_MS = 20_000;

/** Whether somebody has proved a phone here, and that still holds. */
export function proven() {
  return kept() !== null;
}

/** Sends a code to a phone; gives the id that goes with it. */
export async function beginProof(phone) {
  const { proof_id: id } = await ask("POST", `${await issuerAddress()}/v1/phone-proofs`, { json: { phone } });
  return id;
}

/** Proves the phone with the code. */
export async function prove(id, code) {
  const { access_token: token, expires_in: seconds } = await ask("POST", `${await issuerAddress()}/v1/phone-proofs/${id}/token`, { json: { code } });
  sessionStorage.setItem(KEPT, JSON.stringify({ token, expires: Date.now() + seconds * 1000 }));
}

/** Forgets the proof. */
export function endProof() {
  sessionStorage.removeItem(KEPT);
}

/** Asks this service as the citizen. Gives the answer's JSON, or its `Response` where `raw`. Raises `Refusal`. */
export async function askAsCitizen(method, path, { json, raw = false } = {}) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      signal: AbortSignal.timeout(ANSWER_MS),
      body: json === undefined ? undefined : JSON.stringify(json),
      headers: { Authorization: `Bearer ${kept()?.token ?? ""}`, "Accept-Language": keptLanguage(), "Content-Type": "application/json" },
    });
  } catch {
    throw new Refusal(0, null);
  }
  if (answer.status === 401) endProof();
  if (!answer.ok) throw new Refusal(answer.status, await answer.json().catch(() => null));
  return raw ? answer : answer.json();
}

function kept() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT));
    return found !== null && found.expires > Date.now() ? found : null;
  } catch {
    return null;
  }
}
