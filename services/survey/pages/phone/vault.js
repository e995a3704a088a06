// The seal of what lies on the phone: AES-GCM under a random key, which a PIN opens without a net.
//
// The PIN alone would be tried out in minutes by whoever copied the phone's storage. So the key is wrapped under one that
// is made from the PIN (PBKDF2) and from a key of this device that no script can read out; and wrong PINs are counted
// before they are tried. After ten the wrapped key is gone: then, and for who forgot the PIN, a sign-in brings the same
// key back from the service (services/survey/phone). Where the service has no key yet, and forms lie here that nothing
// else would open, the waits alone grow.

import { openDatabase } from "./database.js";

const ROUNDS = 600_000; // what OWASP asks for PBKDF2 with SHA-256
const FREE_TRIES = 4;
const MOST_TRIES = 10;
const WAIT_SECONDS = 15; // after the fifth wrong PIN, twice as long after each further one

/** A PIN that was not taken: `wrong`, `wait` (for `seconds`) or `gone` (only a sign-in helps). */
export class Locked extends Error {
  constructor(why, seconds = 0) {
    super(why);
    this.why = why;
    this.seconds = seconds;
  }
}

/** What opens and seals for one volunteer on this phone. */
export class Vault {
  constructor(database) {
    this.database = database;
    this.key = null;
  }

  /** Whether a PIN may open it. */
  async hasPin() {
    return (await this.database.kept("lock"))?.wrapped !== undefined;
  }

  /** Begins with a key (bytes; a new one unless given) and a PIN. */
  async setUp(pin, key = crypto.getRandomValues(new Uint8Array(32))) {
    const salt = crypto.getRandomValues(new Uint8Array(16));
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const wrapped = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await wrapping(pin, salt), key);
    await this.database.keep("lock", { salt, iv, wrapped, tries: 0, until: 0 });
    this.key = await imported(key);
  }

  /** Opens it by the PIN. Throws `Locked`. */
  async open(pin) {
    const lock = await this.database.kept("lock");
    if (lock?.wrapped === undefined) throw new Locked("gone");
    const wait = Math.ceil((lock.until - Date.now()) / 1000);
    if (wait > 0) throw new Locked("wait", Math.min(wait, WAIT_SECONDS * 2 ** Math.max(0, lock.tries - FREE_TRIES - 1)));
    const tries = lock.tries + 1;
    const until = tries > FREE_TRIES ? Date.now() + WAIT_SECONDS * 1000 * 2 ** (tries - FREE_TRIES - 1) : 0;
    await this.database.keep("lock", { ...lock, tries, until }); // before it is tried: ending the app gives no free tries
    try {
      const key = await crypto.subtle.decrypt({ name: "AES-GCM", iv: lock.iv }, await wrapping(pin, lock.salt), lock.wrapped);
      this.key = await imported(key);
    } catch {
      if (tries < MOST_TRIES || (await this.irreplaceable())) throw new Locked("wrong");
      await this.database.keep("lock", { tries });
      throw new Locked("gone");
    }
    await this.database.keep("lock", { ...lock, tries: 0, until: 0 });
  }

  /** Whether this phone alone has the key of forms that lie here. */
  async irreplaceable() {
    return (await this.database.kept("key-left")) !== true && (await this.database.forms()).some(({ state }) => state !== "recorded");
  }

  /** The key itself, for the service to keep. */
  async bytes() {
    return new Uint8Array(await crypto.subtle.exportKey("raw", this.key));
  }

  /** Seals any value that JSON can hold; it opens again only as `name`. */
  async seal(value, name) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const plain = new TextEncoder().encode(JSON.stringify(value));
    const data = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(name) }, this.key, plain);
    return { iv, data };
  }

  /** What was sealed as `name`. */
  async unseal({ iv, data }, name) {
    const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData: new TextEncoder().encode(name) }, this.key, data);
    return JSON.parse(new TextDecoder().decode(plain));
  }
}

/** This phone: {id, key}, made at the first time. */
let device = null;

export function thisDevice() {
  device ??= navigator.locks.request("jitasa-device", async () => {
    const database = await openDatabase("jitasa-phone");
    const known = await database.kept("device");
    if (known) return known;
    const key = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
    const made = { id: crypto.randomUUID(), key };
    await database.keep("device", made);
    return made;
  });
  return device;
}

async function wrapping(pin, salt) {
  const typed = await crypto.subtle.importKey("raw", new TextEncoder().encode(pin), "PBKDF2", false, ["deriveBits"]);
  const stretched = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS }, typed, 256);
  const bound = await crypto.subtle.sign("HMAC", (await thisDevice()).key, stretched);
  return crypto.subtle.importKey("raw", bound, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function imported(bytes) {
  return crypto.subtle.importKey("raw", bytes, "AES-GCM", true, ["encrypt", "decrypt"]);
}
