// The latest changes in words, for who does not see the map light up: what a screen reader says of them as well.

import { MEASURES } from "../measures.js";
import { make } from "./values.js";

// Changes of this time are told together: a voice needs some seconds for a line, and a surge brings five changes a second.
const TELL_MS = 5_000;
const MOST_AT_ONCE = 2;
const LINES = 4;

export class Latest {
  constructor(title, list) {
    this.title = title;
    this.list = list;
    this.waiting = new Map(); // area -> its count before the changes that are not told yet
    this.lines = [];
    this.toldAt = 0;
    this.timer = null;
  }

  /** Some areas changed; before: their figures until then. */
  note(view, codes, before) {
    const { part } = MEASURES[view.state.measure];
    for (const code of codes) {
      const known = before.get(code);
      if (!known.suppressed && !this.waiting.has(code)) this.waiting.set(code, part(known)); // what was withheld has not changed, but come
    }
    this.timer ??= setTimeout(() => this.tell(view), Math.max(0, this.toldAt + TELL_MS - Date.now()));
  }

  /** Forgets what is not told yet: it belonged to another measure or area. */
  forget() {
    this.waiting.clear();
  }

  tell(view) {
    this.timer = null;
    if (view.state.day) this.waiting.clear(); // a past day is looked at meanwhile
    const { measure } = view.state;
    const changes = [...this.waiting].map(([code, was]) => ({ code, change: (view.value(code).numerator ?? was) - was }));
    this.waiting.clear();
    const most = changes.filter(({ change }) => change !== 0).sort((one, other) => Math.abs(other.change) - Math.abs(one.change));
    if (most.length === 0) return;
    this.toldAt = Date.now();
    const moment = new Date();
    const told = most.slice(0, MOST_AT_ONCE).map((line) => ({ ...line, measure, moment, total: view.value(line.code).numerator }));
    this.lines = [...told, ...this.lines].slice(0, LINES);
    const { length } = told;
    this.list.prepend(...told.map((line) => this.line(line, view)));
    this.list.querySelector(".nothing")?.remove();
    while (this.list.childElementCount > Math.max(LINES, length)) this.list.lastElementChild.remove();
  }

  line({ code, change, measure, moment, total }, view) {
    const { words } = view;
    const sign = change > 0 ? "+" : "−";
    const text = words.say.changeOf(view.name(code), sign + words.number(Math.abs(change)), words.say[MEASURES[measure].numerator], words.number(total));
    const time = make("time", "", words.clock(moment));
    time.dateTime = moment.toISOString();
    return make("p", "", time, " ", text);
  }

  /** Writes everything anew, as when the language changes. */
  show(view) {
    this.title.textContent = view.words.say.latest;
    const lines = this.lines.map((line) => this.line(line, view));
    this.list.replaceChildren(...(lines.length > 0 ? lines : [make("p", "nothing", view.words.say.nothingChanged)]));
  }
}
