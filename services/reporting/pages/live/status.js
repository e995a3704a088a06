// How recent the figures are: live, behind, of a past day, or stale and why. Stale figures never look like live ones.

import { MEASURES } from "../measures.js";

// A connection that comes back within this is not worth a word.
const PATIENCE_MS = 4_000;
// The stream says something every ten seconds; one that was silent for this long is lost, whatever the browser believes.
const SILENT_MS = 35_000;
// While records wait, figures older than this are stale; and so is a lag that was measured longer ago.
const STALE_MS = 60_000;
const MEASURED_MS = 90_000;

export class Status {
  /** elements: {box, text, notice, asOf}. */
  constructor(elements, figures) {
    this.elements = elements;
    this.figures = figures;
    this.interruptedSince = null;
    this.failures = new Set();
  }

  /** The stream was connected or lost. */
  connected() {
    this.interruptedSince = this.figures.connected ? null : Date.now();
  }

  /** A question of one kind was not answered; without an error: one was. */
  failed(kind, error) {
    if (error === null) this.failures.delete(kind);
    else this.failures.add(kind);
  }

  show({ state, words }) {
    const { say } = words;
    const stream = this.figures.asOfAll(MEASURES[state.measure].streams);
    const { status, text, notice } = this.judge(stream, state, words);
    const { box, asOf } = this.elements;
    box.dataset.state = status;
    document.body.dataset.status = status;
    // Written only when it differs: a screen reader says every writing aloud.
    if (this.elements.text.textContent !== text) this.elements.text.textContent = text;
    this.elements.notice.hidden = notice === null;
    if (notice !== null && this.elements.notice.textContent !== notice) this.elements.notice.textContent = notice;
    const parts = stream ? [stream.time ? say.asOf(words.time(stream.time)) : say.noEvents] : [];
    if (state.day) parts.splice(0, 1, say.asOfDay(words.day(state.day)));
    else if (stream && stream.lag !== null) parts.push(stream.lag === 0 ? say.noLag : say.lag(words.number(stream.lag)));
    const line = parts.join(" · ");
    if (asOf.textContent !== line) asOf.textContent = line;
  }

  judge(stream, state, words) {
    const { say } = words;
    const stale = (notice) => ({ status: "stale", text: say.stale, notice });
    const now = Date.now();
    if (stream === undefined && this.failures.size === 0) return { status: "loading", text: say.loading, notice: null };
    if (this.failures.size > 0) return stale(say.failed);
    if (stream?.filling) return stale(say.filling);
    if (state.day) return { status: "past", text: say.past(words.day(state.day)), notice: null };
    const lostFor = this.interruptedSince === null ? 0 : now - this.interruptedSince;
    if (lostFor > PATIENCE_MS || now - this.figures.heardAt > SILENT_MS) return stale(say.interrupted);
    const { lag } = stream;
    const measured = stream.lag_measured_at ? now - Date.parse(stream.lag_measured_at) : Infinity;
    if (lag === null || measured > MEASURED_MS) return stale(say.lagUnknown);
    if (lag > 0 && now - Date.parse(stream.time ?? 0) > STALE_MS) return stale(say.late(words.number(lag)));
    if (lag > 0) return { status: "behind", text: say.behind(words.number(lag)), notice: null };
    return { status: "live", text: say.live, notice: null };
  }
}
