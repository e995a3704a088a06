// Asking the services: with the sign-in's token, renewed when it runs out, and refusals as errors that pages can show.
//
// The sign-in lies in the tab's sessionStorage. Memory alone would end it at every step from page to page; localStorage
// and cookies would outlive the tab on a phone that is passed around, and a cookie would be sent where it was not meant.
// What can read it is a script of this origin, and the policy of the pages (shared/web/files.py) lets no other run.
// The refresh token changes at each use, and a copy that is used too ends both.

import { keptLanguage } from "./language.js";
import { Refusal } from "./refusal.js";

export { Refusal };

const KEPT = "jitasa.sign-in";
let system = null; // with what a system signed in on this page, to renew its sign-in: kept nowhere else, and gone with the page
let issuer = async () => ""; // where tokens come from: this service, unless it is told
const EARLY_MS = 30_000; // renewed while it still has this long, so that it does not run out on the way
const ANSWER_MS = 20_000;

/** Where tokens come from, when that is another service: a function that returns a promise of its address. */
export function useIssuer(address) {
  issuer = address;
}

/** Where tokens come from, and the names of areas: "" for this service. Raises `Refusal` while that cannot be learnt. */
export function issuerAddress() {
  return issuer();
}

/** Sends a one-time code to a phone. */
export async function sendCode(phone) {
  await ask("POST", `${await issuerAddress()}/v1/codes`, { json: { phone } });
}

/** Who is signed in here: {subject, organisation, role, area}; null for nobody. What the token says is for showing only. */
export function holder() {
  const kept = signedIn();
  if (kept === null) return null;
  try {
    const claims = JSON.parse(atob(kept.access.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
    return { subject: claims.sub, organisation: claims.org ?? null, role: claims.role, area: claims.area };
  } catch {
    return null;
  }
}

/** Signs in with a phone and the code that was sent to it. */
export async function signIn(phone, code) {
  keep(await tokens({ grant_type: "urn:jitasa:one-time-code", phone, code }));
}

/** Signs in as a system, with its account's secret. The sign-in is renewed as long as the page is open. */
export async function signInAsSystem(id, secret) {
  const given = { grant_type: "client_credentials", client_id: id, client_secret: secret };
  keep(await tokens(given));
  system = given;
}

/** Ends the sign-in here and at the service, and goes to the beginning or another page. */
export async function signOut(to = "/") {
  const kept = signedIn();
  sessionStorage.removeItem(KEPT);
  if (kept?.refresh) {
    const body = new URLSearchParams({ token: kept.refresh, token_type_hint: "refresh_token" });
    await issuerAddress()
      .then((address) => fetch(`${address}/v1/tokens/revocation`, { method: "POST", body, keepalive: true }))
      .catch(() => {}); // it ends by itself as well
  }
  location.assign(to);
}

/**
 * Asks for `path` of this service, or of another whose whole address is given. `query` leaves out what is null; `json`
 * or `body` is sent; no answer within `ms` is none, unless `signal` says how long to wait. `sending(sent, all)` is told how
 * many bytes have left meanwhile. With `token` it asks by that one, null for none, and not as whoever is signed in.
 * Returns the answer's JSON, its `Response` where `raw`. Raises `Refusal`.
 */
export async function ask(method, path, { query = {}, json, body, headers = {}, token, raw = false, ms = ANSWER_MS, signal, sending } = {}) {
  const asked = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = asked.length > 0 ? `${path}?${new URLSearchParams(asked)}` : path;
  const send = async () => {
    const given = token === undefined ? await accessToken() : token;
    return reach(address, {
      method,
      ms,
      signal,
      sending,
      body: json === undefined ? body : JSON.stringify(json),
      headers: {
        ...(json === undefined ? {} : { "Content-Type": "application/json" }),
        ...(given === null ? {} : { Authorization: `Bearer ${given}` }),
        ...headers,
      },
    });
  };
  const asHolder = () => token === undefined && signedIn() !== null;
  let answer = await send();
  if (answer.status === 401 && asHolder()) {
    await renew(); // this clock may differ from the service's
    answer = await send();
  }
  if (answer.status === 401 && asHolder()) leave();
  if (!answer.ok) throw new Refusal(answer.status, await documentOf(answer));
  if (raw) return answer;
  return answer.status === 204 ? null : answer.json();
}

/**
 * The pages of a list, one after the other, until they have at least `most` entries: {entries, cursor, more}. `cursor`
 * leads on, when it is given here again; null at the end.
 */
export async function list(path, name, { query = {}, most = 200, cursor = null } = {}) {
  const entries = [];
  do {
    const answer = await ask("GET", path, { query: { ...query, cursor } });
    entries.push(...answer[name]);
    cursor = answer.cursor;
  } while (cursor !== null && entries.length < most);
  return { entries, cursor, more: cursor !== null };
}

async function reach(address, { ms = ANSWER_MS, signal, sending, ...options }) {
  const headers = { "Accept-Language": keptLanguage(), ...options.headers };
  try {
    if (sending) return await upload(address, { ...options, headers }, ms, sending);
    return await fetch(address, { ...options, headers, signal: signal ?? AbortSignal.timeout(ms) });
  } catch {
    throw new Refusal(0, null);
  }
}

/** As `fetch`, which cannot tell how much of a body has left. */
function upload(address, { method, headers, body }, ms, sending) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.timeout = ms;
    request.responseType = "blob";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", ({ loaded, total }) => sending(loaded, total));
    request.addEventListener("load", () => resolve(new Response(request.response, { status: request.status })));
    for (const event of ["error", "timeout", "abort"]) request.addEventListener(event, () => reject(new TypeError(event)));
    request.send(body);
  });
}

async function documentOf(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

async function accessToken() {
  const kept = signedIn();
  if (kept === null) return null;
  if (kept.expires - Date.now() < EARLY_MS) await renew();
  return signedIn()?.access ?? null;
}

let renewing = null;

/** Exchanges the refresh token, or signs the system in anew; several who ask at once wait for the one exchange. */
function renew() {
  const { refresh } = signedIn();
  const given = refresh ? { grant_type: "refresh_token", refresh_token: refresh } : system;
  if (given === null) {
    leave();
    return Promise.reject(new Refusal(401, null));
  }
  renewing ??= tokens(given)
    .then(keep, (error) => {
      if (error.status >= 400 && error.status < 500 && error.status !== 429) leave();
      throw error;
    })
    .finally(() => (renewing = null));
  return renewing;
}

async function tokens(fields) {
  // Without credentials, of which there are none, a browser asks nobody for a password of its own when one is refused.
  const answer = await reach(`${await issuerAddress()}/v1/tokens`, { method: "POST", body: new URLSearchParams(fields), credentials: "omit" });
  const told = await documentOf(answer);
  if (!answer.ok) throw new Refusal(answer.status, told);
  return told;
}

function keep({ access_token: access, refresh_token: refresh, expires_in: seconds }) {
  sessionStorage.setItem(KEPT, JSON.stringify({ access, refresh, expires: Date.now() + seconds * 1000 }));
}

function signedIn() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

/** The sign-in is over: somebody has to sign in anew, and comes back to this page; a system does so on the page itself. */
function leave() {
  const here = location.pathname + location.search;
  const person = signedIn()?.refresh;
  sessionStorage.removeItem(KEPT);
  location.assign(person ? `/sign-in?next=${encodeURIComponent(here)}` : here);
}
