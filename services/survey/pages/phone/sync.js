// Sending what is finished, and learning what became of it: one tab at a time, whenever there is a net.
//
// A form keeps its id until it is answered, so that one that is sent again after a lost answer counts once. It is let go
// only when the service says that it is recorded.

import { say } from "../elements.js";
import { Away, Refused, SignedOut } from "./session.js";

export const BATCH = 50; // 35 KiB: a slow net carries it within the time that an answer has
const ROUTES = { survey: ["/v1/submissions:batch", "submissions"], follow_up: ["/v1/follow-ups:batch", "follow_ups"] };
const FATES_PAGE = 200;
const FATE_PAGES = 5; // what was sent longer ago is asked for one by one
const SINGLE_FATES = 20;
const OLD_MS = 60_000;
const SEND_AGAIN_MS = 24 * 3_600_000; // longer than a surge takes to be recorded: it may be lost, and sent twice it counts once
const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
const LOST = ["rejected"];

/** Works as long as the page is open. `state`: "idle", "sending", "away", "signed_out", "busy" or "refused". */
export class Sync extends EventTarget {
  constructor(session, forms, bodyOf) {
    super();
    this.session = session;
    this.forms = forms;
    this.bodyOf = bodyOf;
    this.state = "idle";
    this.wait = FIRST_WAIT_MS;
    this.timer = null;
    this.running = null;
  }

  /** Begins to send now and whenever there is something to do. */
  start() {
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.now());
    this.now();
  }

  /** Somebody finished a form, or the net is back: whatever failed before, it is tried at once and soon again. */
  now() {
    this.wait = FIRST_WAIT_MS;
    this.soon(0);
  }

  soon(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), ms);
  }

  /** One round, or the one that is under way in this tab. */
  run() {
    this.running ??= navigator.locks
      .request(`jitasa-sync-${this.session.subject}`, { ifAvailable: true }, (lock) => (lock === null ? this.soon(MOST_WAIT_MS) : this.round())) // another tab may be closed in the middle
      .finally(() => (this.running = null));
    return this.running;
  }

  async round() {
    let waits = false;
    try {
      const counts = await this.forms.counts();
      if (counts.finished + counts.sent === 0 && (await this.session.keyIsLeft())) return this.rest("idle");
      this.tell("sending");
      await this.session.leaveKey();
      for (const kind of Object.keys(ROUTES)) waits = (await this.send(kind)) || waits;
      await this.learn();
    } catch (error) {
      if (error instanceof Away) return this.rest("away", true);
      if (error instanceof SignedOut) return this.rest("signed_out");
      if (error instanceof Refused) return this.rest([429, 503].includes(error.status) ? "busy" : "refused", true);
      this.rest("away", true); // whatever it was, what is finished goes on waiting
      throw error;
    }
    const left = await this.forms.counts();
    if (waits) return this.rest("busy", true);
    if (left.sent + left.finished > 0) return this.rest("idle", true);
    this.wait = FIRST_WAIT_MS;
    await this.forms.thin();
    this.rest("idle");
  }

  rest(state, again = false) {
    this.tell(state);
    if (!again) return;
    this.soon(this.wait * (0.75 + Math.random() / 2)); // phones that lost the net together do not come back together
    this.wait = Math.min(this.wait * 2, MOST_WAIT_MS);
  }

  tell(state) {
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }

  /** Sends the finished forms of a kind, the oldest first. Returns whether some have to wait. */
  async send(kind) {
    const finished = (await this.forms.all()).filter((form) => form.kind === kind && form.state === "finished").reverse();
    const [path, name] = ROUTES[kind];
    let waits = false;
    for (let first = 0; first < finished.length && !waits; first += BATCH) {
      const forms = [];
      const bodies = [];
      for (const form of await Promise.all(finished.slice(first, first + BATCH).map((one) => this.forms.opened(one)))) {
        try {
          bodies.push(this.bodyOf(form));
          forms.push(form);
        } catch {
          // What cannot be written down holds up nothing else.
          await this.forms.save({ ...form, state: "refused", changed: Date.now(), errors: [{ path: "", code: "unsendable", message: say("unsendable") }] });
        }
      }
      if (forms.length === 0) continue;
      const answer = await this.session.ask("POST", path, { [name]: bodies });
      const now = Date.parse(answer.headers.get("Date") ?? new Date().toUTCString());
      const { results } = await answer.json();
      const settled = [];
      for (const [index, { status, errors }] of results.entries()) {
        const form = forms[index];
        if (status === 202) settled.push({ ...form, state: "sent", changed: Date.now(), errors: undefined });
        else if (status === 429 || status === 503) waits = true;
        else if (form.clock === undefined && errors.some(({ path, code }) => path === "captured_at" && code === "in_the_future")) {
          // This phone's clock is ahead, or was when the form was written and is right by now: what it wrote down is set
          // back by as much, once, and goes again with the same id.
          settled.push({ ...form, clock: Math.max(form.answers.captured, Date.now()) - now, changed: Date.now() });
          waits = true;
        } else settled.push({ ...form, state: "refused", changed: Date.now(), errors });
      }
      if (settled.length > 0) await this.forms.saveAll(settled);
      if (settled.some((form) => form.state === "sent")) this.wait = FIRST_WAIT_MS;
    }
    return waits;
  }

  /** Asks what became of what was sent. */
  async learn() {
    const waiting = new Map((await this.forms.all()).filter(({ state }) => state === "sent").map((form) => [form.id, form]));
    const known = new Map();
    let cursor = null;
    for (let page = 0; page < FATE_PAGES && known.size < waiting.size; page += 1) {
      const query = new URLSearchParams({ limit: FATES_PAGE, ...(cursor === null ? {} : { cursor }) });
      const answer = await (await this.session.ask("GET", `/v1/submissions?${query}`)).json();
      for (const item of answer.items) {
        // The same id may have arrived twice: `duplicate` is then another arrival of what is recorded.
        if (waiting.has(item.submission_id) && known.get(item.submission_id)?.status !== "recorded") known.set(item.submission_id, item);
      }
      cursor = answer.cursor;
      if (cursor === null) break;
    }
    const again = [];
    const old = [...waiting.keys()].filter((id) => !known.has(id)).filter((id) => Date.now() - waiting.get(id).changed > OLD_MS);
    for (const id of old.slice(0, SINGLE_FATES)) {
      const fate = await (await this.session.ask("GET", `/v1/submissions/${id}`)).json();
      if (fate.status !== "not_known_yet") known.set(id, fate);
      else if (Date.now() - waiting.get(id).changed > SEND_AGAIN_MS) again.push(waiting.get(id));
    }
    const settled = await Promise.all([...known].map(([id, fate]) => this.settled(waiting.get(id), fate)));
    for (const form of again) settled.push({ ...(await this.forms.opened(form)), state: "finished", changed: Date.now() });
    if (settled.length > 0) await this.forms.saveAll(settled);
  }

  async settled(form, { status, reasons = [], flags = [] }) {
    const opened = await this.forms.opened(form);
    if (LOST.includes(status)) return { ...opened, state: "refused", changed: Date.now(), errors: reasons.map(({ code, message }) => ({ path: "", code, message })) };
    const { answers, errors: _, ...rest } = opened;
    const line = { label: answers.label, area: answers.area };
    return { ...rest, state: "recorded", changed: Date.now(), answers: line, fate: { status, reasons, flags } };
  }
}
