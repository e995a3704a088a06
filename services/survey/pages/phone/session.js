// Who works on this phone, and the tokens of the sign-in: kept sealed, renewed when they run out, by one tab at a time.

import { inLanguage, services } from "../elements.js";
import { openDatabase } from "./database.js";
import { thisDevice, Vault } from "./vault.js";

const LAST = "jitasa.phone.volunteer"; // whose PIN is asked for at the next start
const EARLY_MS = 30_000;
const ANSWER_MS = 30_000; // a batch of fifty on a slow net

/** No answer came: the net or the service is away. */
export class Away extends Error {}

/** Nobody is signed in any more: a new one-time code is needed, and nothing that lies here is lost. */
export class SignedOut extends Error {}

/** A refusal: the problem document of the answer (RFC 9457) is in `problem`. */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.message ?? problem?.detail ?? problem?.title ?? String(status));
    this.status = status;
    this.problem = problem;
  }
}

/** The id of the volunteer who worked here last, or null. */
export function lastVolunteer() {
  return localStorage.getItem(LAST);
}

/** Asks registration for a one-time code. */
export async function sendCode(phone) {
  const answer = await reach(`${await registration()}/v1/codes`, { method: "POST", body: JSON.stringify({ phone }), headers: { "Content-Type": "application/json" } });
  if (!answer.ok) throw new Refused(answer.status, await documentOf(answer));
}

/** Exchanges a one-time code for tokens. */
export function redeem(phone, code) {
  return tokens({ grant_type: "urn:jitasa:one-time-code", phone, code });
}

/** What a token says of its holder; for showing only. */
export function claimsOf({ access }) {
  const claims = JSON.parse(atob(access.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  return { subject: claims.sub, role: claims.role, area: claims.area };
}

/** The volunteer's session on this phone: {subject, role, area, database, vault}. */
export class Session {
  constructor(subject, database, vault) {
    this.subject = subject;
    this.database = database;
    this.vault = vault;
    this.who = null;
  }

  /** Opens what lies here for a volunteer; the vault is still closed. */
  static async of(subject) {
    const database = await openDatabase(`jitasa-phone-${subject}`);
    return new Session(subject, database, new Vault(database));
  }

  /** Begins to work: with the tokens of a sign-in, or with those that lie here. */
  async begin(granted = null) {
    if (granted !== null) await this.keep(granted);
    if ((await this.database.kept("session")) === undefined) throw new SignedOut(); // ended between the PIN and the first token
    this.who = claimsOf(await this.stored());
    localStorage.setItem(LAST, this.subject);
  }

  /** The key from the service, for who signed in with `granted`; null when there is none. */
  async keyFromService(granted) {
    const answer = await reach(`/v1/device-keys/${(await thisDevice()).id}`, { headers: { Authorization: `Bearer ${granted.access}` } });
    if (answer.status === 404) {
      await this.database.forget("key-left"); // of many phones the service lets go of one: its key is left anew
      return null;
    }
    if (!answer.ok) throw new Refused(answer.status, await documentOf(answer));
    return Uint8Array.from(atob((await answer.json()).key), (letter) => letter.charCodeAt(0));
  }

  /** Whether the service keeps the key: until then a PIN that is forgotten loses what lies here. */
  async keyIsLeft() {
    return (await this.database.kept("key-left")) === true;
  }

  /** Leaves the key with the service; done once, and tried again at each synchronisation until it is. */
  async leaveKey() {
    if (await this.keyIsLeft()) return;
    const key = btoa(String.fromCharCode(...(await this.vault.bytes())));
    await this.ask("PUT", `/v1/device-keys/${(await thisDevice()).id}`, { key });
    await this.database.keep("key-left", true);
  }

  /**
   * Asks for `path` of the survey, or of another service by its whole address, and gives the answer, whose status is below
   * 400 or in `expected`. Throws `Away`, `SignedOut`, `Refused`.
   */
  async ask(method, path, json, expected = []) {
    const send = async () =>
      reach(path, {
        method,
        body: json === undefined ? undefined : JSON.stringify(json),
        headers: { Authorization: `Bearer ${await this.access()}`, ...(json === undefined ? {} : { "Content-Type": "application/json" }) },
      });
    let answer = await send();
    if (answer.status === 401) {
      await this.renew((await this.stored()).access);
      answer = await send();
    }
    if (answer.status === 401) throw new SignedOut();
    if (!answer.ok && !expected.includes(answer.status)) throw new Refused(answer.status, await documentOf(answer));
    return answer;
  }

  async access() {
    const kept = await this.stored();
    if (kept.over) throw new SignedOut();
    if (kept.expires - Date.now() > EARLY_MS) return kept.access;
    await this.renew(kept.access);
    return (await this.stored()).access;
  }

  /** Exchanges the refresh token, unless another tab did meanwhile: two who go on from the same one end the sign-in. */
  renew(former) {
    return navigator.locks.request("jitasa-renew", async () => {
      const kept = await this.stored();
      if (kept.access !== former) return;
      try {
        await this.keep(await tokens({ grant_type: "refresh_token", refresh_token: kept.refresh }));
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        if (error.problem?.error !== "invalid_grant") throw new Away(); // not said by who gives tokens, or not for good
        await this.database.keep("session", await this.vault.seal({ ...kept, over: true }, "session"));
        throw new SignedOut();
      }
    });
  }

  async stored() {
    return this.vault.unseal(await this.database.kept("session"), "session");
  }

  async keep(granted) {
    await this.database.keep("session", await this.vault.seal(granted, "session"));
  }
}

/** Where the other services are; kept for the time without a net. Throws `Away`. */
export async function addresses() {
  try {
    const found = await services();
    if (found.registration) localStorage.setItem("jitasa.services", JSON.stringify(found));
    return found;
  } catch {
    const kept = localStorage.getItem("jitasa.services");
    if (kept === null) throw new Away();
    return JSON.parse(kept);
  }
}

async function registration() {
  return (await addresses()).registration ?? "";
}

async function tokens(fields) {
  const answer = await reach(`${await registration()}/v1/tokens`, { method: "POST", body: new URLSearchParams(fields) });
  const told = await documentOf(answer);
  if (!answer.ok) throw new Refused(answer.status, told);
  return { access: told.access_token, refresh: told.refresh_token, expires: Date.now() + told.expires_in * 1000 };
}

async function reach(address, options = {}) {
  try {
    return await fetch(address, { ...options, headers: { "Accept-Language": inLanguage(), ...options.headers }, signal: AbortSignal.timeout(ANSWER_MS) });
  } catch {
    throw new Away();
  }
}

async function documentOf(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}
