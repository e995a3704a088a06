// The present figures: the live stream brings the country and its provinces and every change; what lies in an area that is
// opened is asked for once.
//
// An area's figures are one object with the fields that `GET /v1/live` tells of.

import { Stream } from "./stream.js";

const CHILD_LEVEL = { 0: "province", 2: "district", 4: "subdistrict" };

// While the stream is away figures are asked for at this pace.
const POLL_MS = 15_000;
// When the stream is not there after this long, figures are asked for without it.
const FIRST_MS = 1_500;
// When changes may be anywhere, what lies in the open area is asked for again: at most this often, and not by all viewers at once.
const ASK_AGAIN_MS = 1_500;
const SPREAD_MS = 1_000;

export function childLevel(area) {
  return CHILD_LEVEL[area.length];
}

/** Holds the figures of every area seen so far, and tells `listener` what happens to them. */
export class Figures {
  /**
   * listener: {changed(codes, before), placesChanged(asOf), asOf(), connected(), failed(error)}; codes is a set, or null when
   * everything may differ; before: a map of what was known of these areas. placesChanged: some places of the open area did.
   */
  constructor(listener) {
    this.listener = listener;
    this.areas = new Map();
    this.names = new Map();
    this.children = new Map();
    this.asOf = {};
    this.newest = 0;
    this.area = "";
    this.begun = false;
    this.turn = 0;
    this.asking = new Set();
    this.again = null;
    this.stream = new Stream({
      reset: (event) => this.reset(event),
      change: (event) => this.change(event),
      connected: () => listener.connected(),
    });
  }

  get connected() {
    return this.stream.connected;
  }

  get heardAt() {
    return this.stream.heardAt;
  }

  start() {
    this.stream.open();
    setTimeout(() => this.begun || this.ask(), FIRST_MS);
    const poll = () => document.visibilityState === "visible" && !this.connected && this.ask();
    setInterval(poll, POLL_MS);
    document.addEventListener("visibilitychange", poll);
  }

  /** Shows another area; what lies in a province or a district is asked for. */
  open(area) {
    this.area = area;
    // Before the stream has begun there is nothing that an answer could go on with.
    if (this.begun && (area !== "" || !this.connected)) this.ask();
  }

  /**
   * Asks for the open area and what lies in it; around a district the map shows the others of its province. Changes that come meanwhile are laid over the answer, which may be older; where it
   * is newer, the next change brings the newer figures again.
   */
  async ask() {
    const turn = ++this.turn;
    const { area } = this;
    const meanwhile = new Map();
    this.asking.add(meanwhile);
    try {
      const answers = await Promise.all((area.length === 4 ? [area.slice(0, 2), area] : [area]).map(askPicture));
      if (turn !== this.turn) return; // another area was opened meanwhile
      this.take(answers, meanwhile);
    } catch (error) {
      if (turn === this.turn) this.listener.failed(error);
    } finally {
      this.asking.delete(meanwhile);
    }
  }

  take(answers, meanwhile) {
    this.begun = true;
    for (const { area, areas, names, as_of } of answers) {
      for (const [code, name] of Object.entries(names)) this.names.set(code, { code, ...name });
      this.children.set(area, Object.keys(areas).filter((code) => code.length > area.length));
      for (const [code, row] of Object.entries(areas)) this.areas.set(code, { ...row, ...meanwhile.get(code) });
      this.takeAsOf(as_of);
    }
    this.listener.failed(null);
    this.listener.asOf();
    this.listener.changed(null, new Map());
  }

  askSoon() {
    this.again ??= setTimeout(() => {
      this.again = null;
      this.ask();
    }, ASK_AGAIN_MS + Math.random() * SPREAD_MS);
  }

  reset(event) {
    this.begun = true;
    // What the reset does not hold has missed changes.
    this.areas = new Map(Object.entries(event.areas));
    this.newest = 0;
    this.takeAsOf(event.as_of);
    this.listener.failed(null);
    this.listener.asOf();
    this.listener.changed(null, new Map());
    this.listener.placesChanged(event.as_of);
    if (this.area !== "") this.ask();
  }

  change(event) {
    this.takeAsOf(event.as_of);
    const before = new Map();
    for (const [code, fields] of Object.entries(event.areas)) {
      for (const meanwhile of this.asking) meanwhile.set(code, { ...meanwhile.get(code), ...fields });
      const known = this.areas.get(code);
      if (known === undefined) continue; // a difference to figures that nobody looks at
      before.set(code, known);
      this.areas.set(code, { ...known, ...fields });
    }
    this.listener.asOf();
    if (before.size > 0) this.listener.changed(new Set(before.keys()), before);
    if (this.area.length === 4 && event.subdistricts === null) this.askSoon();
    if (event.places === null || event.places.some((code) => code.startsWith(this.area))) this.listener.placesChanged(event.as_of);
  }

  takeAsOf(asOf) {
    const time = Date.parse(asOf["survey-submitted"]?.time ?? "") || 0;
    if (time >= this.newest) {
      this.newest = time;
      this.asOf = asOf;
    }
  }

  /**
   * How recent figures are that come from some streams: the newest event of any, what waits in all, and when that was
   * measured of the one that was measured longest ago; filling: figures are being counted anew from the beginning. Undefined while one of them is not known.
   */
  asOfAll(streams) {
    const known = streams.map((name) => this.asOf[name]);
    if (known.includes(undefined)) return undefined;
    const all = (field) => (known.some((each) => each[field] === null) ? null : known.map((each) => each[field]));
    const times = known.map((each) => each.time).filter((time) => time !== null);
    return {
      time: times.toSorted().at(-1) ?? null,
      lag: all("lag")?.reduce((sum, lag) => sum + lag, 0) ?? null,
      lag_measured_at: all("lag_measured_at")?.toSorted()[0] ?? null,
      filling: known.some((each) => each.filling === true),
    };
  }
}

async function askPicture(area) {
  const response = await fetch(`/v1/picture?${new URLSearchParams({ area })}`);
  if (!response.ok) throw new Error(`picture: ${response.status}`);
  return response.json();
}
