// The forms on this phone, from the first letter until the service has recorded them.
//
// draft: being written; finished: to be sent; sent: Kafka has it; recorded: what became of it is known; refused: to be
// corrected. The id, the kind, the state and two times stand in the clear, what people said is sealed.

import { newId } from "./ids.js";

const KEPT_RECORDED = 200; // of what is recorded a line each is kept, as long as a volunteer may want to look back

/** The forms of one session. Listeners are told after each change, also of other tabs. */
export class Forms extends EventTarget {
  constructor(session) {
    super();
    this.session = session;
    this.unsaved = new Map(); // what the storage did not take, by id
    this.channel = new BroadcastChannel(`jitasa-forms-${session.subject}`);
    this.channel.addEventListener("message", () => this.dispatchEvent(new Event("change")));
  }

  /** A new draft, of a survey or a follow_up, with what is known already. */
  begin(kind, answers) {
    return { id: newId(), kind, state: "draft", at: Date.now(), changed: Date.now(), answers };
  }

  /** Stores a form in the state that it has. Returns false when the storage takes nothing: it is then held in memory only. */
  async save(form) {
    return this.saveAll([form]);
  }

  /** What was said is complete, and may be sent. It was captured when it was finished first. */
  async finish(form) {
    form.state = "finished";
    form.errors = undefined;
    form.answers.captured ??= Date.now();
    form.changed = Date.now();
    await this.save(form);
  }

  async saveAll(forms) {
    const sealed = await Promise.all(forms.map((form) => this.sealed(form)));
    const stored = await this.store(sealed);
    for (const form of forms) {
      if (stored) this.unsaved.delete(form.id);
      else this.unsaved.set(form.id, form);
    }
    this.changed();
    return stored;
  }

  async store(sealed) {
    for (const makeRoom of [null, () => this.session.database.forget("lists"), () => this.thin(0)]) {
      try {
        if (makeRoom !== null) await makeRoom();
        await this.session.database.putForms(sealed);
        return true;
      } catch (error) {
        console.warn("not stored", error.name); // full, or closed by the browser: either way it is not on the disk
      }
    }
    return false;
  }

  async remove(form) {
    this.unsaved.delete(form.id);
    await this.session.database.deleteForms([form.id]);
    this.changed();
  }

  /** All forms without what people said: {id, kind, state, at, changed}, the latest first. */
  async all() {
    const stored = (await this.session.database.forms()).filter(({ id }) => !this.unsaved.has(id));
    return [...stored, ...this.unsaved.values()].sort((one, other) => other.at - one.at);
  }

  /** How many there are by state. */
  async counts() {
    const counts = { draft: 0, finished: 0, sent: 0, recorded: 0, refused: 0 };
    for (const { state } of await this.all()) counts[state] += 1;
    return counts;
  }

  /** A form with what people said. */
  async opened(form) {
    if (form.sealed === undefined) return form;
    const { sealed, ...rest } = form;
    return { ...rest, ...(await this.session.vault.unseal(sealed, form.id)) };
  }

  /** Lets go of the oldest recorded forms but `most`. */
  async thin(most = KEPT_RECORDED) {
    const recorded = (await this.session.database.forms()).filter(({ state }) => state === "recorded").sort((one, other) => other.at - one.at);
    const oldest = recorded.slice(most).map(({ id }) => id);
    if (oldest.length > 0) await this.session.database.letGo(oldest);
  }

  /** How many recorded forms were let go of: they still count as recorded. */
  async letGo() {
    return (await this.session.database.kept("let-go")) ?? 0;
  }

  /** What waits here as a file of sealed forms, which this volunteer can read in again on this phone. */
  async exported() {
    const forms = await Promise.all((await this.all()).filter(({ state }) => state !== "recorded").map(async (form) => (form.sealed ? form : this.sealed(form))));
    return JSON.stringify(forms.map(({ sealed: { iv, data }, ...rest }) => ({ ...rest, iv: base64(iv), data: base64(new Uint8Array(data)) })));
  }

  /** Reads such a file in; forms that are here already stay as they are. Returns how many were added. */
  async imported(text) {
    const known = new Set((await this.session.database.forms()).map(({ id }) => id));
    const forms = JSON.parse(text)
      .filter(({ id }) => !known.has(id))
      .map(({ iv, data, ...rest }) => ({ ...rest, sealed: { iv: bytes(iv), data: bytes(data).buffer } }));
    for (const form of forms) await this.opened(form); // of another volunteer or phone: throws
    await this.session.database.putForms(forms);
    for (const { id } of forms) this.unsaved.delete(id);
    this.changed();
    return forms.length;
  }

  async sealed({ id, kind, state, at, changed, ...said }) {
    return { id, kind, state, at, changed, sealed: await this.session.vault.seal(said, id) };
  }

  changed() {
    this.dispatchEvent(new Event("change"));
    this.channel.postMessage(null);
  }
}

function base64(array) {
  let text = "";
  for (const byte of array) text += String.fromCharCode(byte);
  return btoa(text);
}

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}
