// The wall screen: large figures for a room, which go through the measures and the provinces by themselves.

import { MEASURES } from "../measures.js";
import { childLevel } from "./figures.js";
import { today } from "./past.js";
import { make, written } from "./values.js";

const EVERY_MS = 12_000; // long enough to read the figure, the map and the list across a room
const LISTED = 8;
const IDLE_MS = 3_000;

export class Wall {
  /** go(change): shows another area or measure, without a trace in the address; leave(): back to the page. */
  constructor(element, { go, leave }) {
    this.element = element;
    this.handlers = { go, leave };
    this.timer = null;
    this.paused = false;
    this.step = 0;
    this.clock = make("p", "clock");
    this.title = make("h2", "");
    this.measure = make("p", "measure");
    this.share = make("p", "share");
    this.counts = make("p", "counts");
    this.list = make("table", "");
    this.others = make("dl", "others");
    this.buttons = Object.fromEntries(["pause", "next", "full", "leave"].map((name) => [name, make("button", name)]));
    this.buttons.pause.addEventListener("click", () => this.pause(!this.paused));
    this.buttons.next.addEventListener("click", () => this.next());
    this.buttons.full.addEventListener("click", () => document.documentElement.requestFullscreen());
    this.buttons.leave.addEventListener("click", leave);
    this.controls = make("div", "controls", ...Object.values(this.buttons));
    this.controls.role = "group";
    for (const button of Object.values(this.buttons)) button.type = "button";
    this.now = make("section", "now", this.title, this.measure, this.share, this.counts);
    document.addEventListener("keydown", (event) => this.key(event));
    document.addEventListener("pointermove", () => this.awake());
  }

  get open() {
    return document.body.dataset.wall === "on";
  }

  /** Begins or ends; what is shown first is what was open. */
  set(view, on) {
    if (on === this.open) return;
    this.element.hidden = !on;
    this.element.replaceChildren(...(on ? [this.clock, this.now, this.list, this.others, this.controls] : []));
    document.body.dataset.wall = on ? "on" : "off";
    clearInterval(this.timer);
    clearInterval(this.ticking);
    if (!on) {
      if (document.fullscreenElement) document.exitFullscreen();
      return;
    }
    this.view = view;
    this.step = 0;
    this.base = view.state.area;
    this.before = { area: view.state.area, measure: view.state.measure };
    this.measures = Object.keys(MEASURES);
    this.first = this.measures.indexOf(view.state.measure);
    this.awake();
    this.ticking = setInterval(() => this.tick(), 1_000);
    this.pause(false);
  }

  /** The country and a province in turn, and with each turn the next measure; below an area that was opened, its parts. */
  next() {
    this.step += 1;
    const { view, measures } = this;
    const round = Math.floor(this.step / 2);
    const parts = view.children(this.base).filter((code) => code.length < 6);
    const told = measures.filter((name) => view.value(this.base, name).state === "value");
    const turn = told.length > 0 ? told : measures;
    const measure = turn[(Math.max(0, turn.indexOf(measures[this.first])) + round) % turn.length];
    const area = this.step % 2 === 1 && parts.length > 0 ? parts[(round * 7) % parts.length] : this.base;
    this.handlers.go({ area, measure });
  }

  pause(paused) {
    this.paused = paused;
    clearInterval(this.timer);
    if (!paused) this.timer = setInterval(() => this.next(), EVERY_MS);
    if (this.view) this.show(this.view);
  }

  key(event) {
    if (!this.open || event.target.closest?.("button, dialog")) return;
    const does = { " ": () => this.pause(!this.paused), ArrowRight: () => this.next(), Escape: () => this.handlers.leave() }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  }

  /** The controls are there while somebody is: they go when the pointer rests. */
  awake() {
    if (!this.open) return;
    this.element.dataset.idle = "no";
    clearTimeout(this.resting);
    this.resting = setTimeout(() => (this.element.dataset.idle = "yes"), IDLE_MS);
  }

  tick() {
    this.clock.textContent = `${this.view.words.day(today())} · ${this.view.words.clock(new Date())}`;
  }

  show(view) {
    if (!this.open) return;
    this.view = view;
    const { state, words } = view;
    const { say } = words;
    const texts = { pause: this.paused ? say.wallGoOn : say.wallPause, next: say.wallNext, full: say.wallFull, leave: say.wallLeave };
    for (const [name, text] of Object.entries(texts)) {
      if (this.buttons[name].textContent !== text) this.buttons[name].textContent = text;
    }
    this.controls.ariaLabel = say.wallControls;
    this.tick();
    const found = view.value(state.area);
    const own = written(found, MEASURES[state.measure], words);
    this.title.textContent = view.name(state.area);
    this.measure.textContent = say[state.measure];
    this.share.textContent = own.ratio;
    this.share.dataset.state = found.state;
    this.counts.textContent = found.state === "value" ? `${say[MEASURES[state.measure].numerator]} ${say.outOf(own.numerator, own.denominator)}` : "";
    this.showList(view);
    this.showOthers(view);
  }

  showList(view) {
    const { state, words } = view;
    const { say } = words;
    const known = view.inQuestion().map((code) => ({ code, found: view.value(code) }));
    const highest = known.filter(({ found }) => found.state === "value").sort((one, other) => other.found.ratio - one.found.ratio);
    const rows = highest.slice(0, LISTED).map(({ code, found }) => {
      const texts = written(found, MEASURES[state.measure], words);
      const swatch = make("i", "");
      swatch.style.backgroundColor = view.colour(code);
      const title = make("th", "", swatch, words.name(view.area(code)));
      title.scope = "row";
      return make("tr", "", title, make("td", "", texts.ratio), make("td", "", texts.numerator));
    });
    this.list.replaceChildren(make("caption", "", say.wallHighest[childLevel(state.area)]), make("tbody", "", ...rows));
    this.list.hidden = rows.length === 0;
  }

  showOthers(view) {
    const { state, words } = view;
    const others = Object.keys(MEASURES).filter((name) => name !== state.measure && view.value(state.area, name).state === "value");
    const items = others.slice(0, 6).map((name) => make("div", "", make("dt", "", words.say[name]), make("dd", "", written(view.value(state.area, name), MEASURES[name], words).ratio)));
    this.others.replaceChildren(...items);
    this.others.hidden = items.length === 0;
  }
}
