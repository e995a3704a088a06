// A figure opened: what it is a part of and where that comes from, how recent it is, and what still waits.

import { MEASURES } from "../measures.js";
import { make, written } from "./values.js";

export class FigureDialog {
  constructor(element) {
    this.element = element;
    this.code = null;
    this.measure = null;
    this.title = make("h3", "");
    this.title.id = "figure-title";
    this.body = make("div", "");
    this.closer = make("button", "close");
    this.closer.type = "button";
    this.closer.addEventListener("click", () => element.close());
    element.append(make("div", "head", this.title, this.closer), this.body);
    // A click beside it closes it, as everywhere.
    element.addEventListener("click", (event) => event.target === element && element.close());
    element.addEventListener("close", () => (this.measure = null));
  }

  /** Opens the figure of an area and a measure. */
  open(view, code, measure) {
    this.code = code;
    this.measure = measure;
    this.show(view);
    this.element.showModal();
  }

  /** Writes it again, when figures have changed. */
  show(view) {
    if (this.measure === null) return;
    const { words, state } = view;
    const { say } = words;
    const which = MEASURES[this.measure];
    const found = view.value(this.code, this.measure);
    const texts = written(found, which, words);
    const { whole } = found;
    this.title.textContent = `${say[this.measure]} ${view.name(this.code)}`;
    this.closer.textContent = say.close;
    const tabled = whole.source !== undefined || whole.value === null;
    const source = whole.source ? [whole.source, whole.dated && say.dated(words.day(whole.dated))].filter(Boolean).join(" · ") : tabled ? say.figureNoSource : say.figureCounted;
    const facts = [
      [say.figureShare, texts.ratio],
      [`${say.figureNumerator}: ${say[which.numerator]}`, texts.numerator],
      [`${say.figureDenominator}: ${say[whole.label]}`, texts.denominator],
      [say.figureSource, source],
    ];
    const list = make("dl", "", ...facts.flatMap(([term, text]) => [make("dt", "", term), make("dd", "", text)]));
    const notes = [whole.says && say[whole.says], found.ratio > 1 && whole.above && say[whole.above], state.day && say.asOfDay(words.day(state.day))];
    this.body.replaceChildren(list, ...notes.filter(Boolean).map((text) => make("p", "", text)), this.streams(which, view));
  }

  streams(which, { words, asOf }) {
    const { say } = words;
    const head = make("tr", "", ...[say.streamColumn, say.newestColumn, say.waitingColumn, say.measuredColumn].map((text) => make("th", "", text)));
    for (const cell of head.children) cell.scope = "col";
    const time = (text) => (text ? words.time(text) : say.notKnown);
    const rows = which.streams.map((name) => {
      const known = asOf[name];
      const title = make("th", "", say.streams[name] ?? name);
      title.scope = "row";
      const newest = known && known.time === null ? say.noEvents : time(known?.time);
      const lag = known?.lag === null || known === undefined ? say.notKnown : words.number(known.lag);
      return make("tr", "", title, ...[newest, lag, time(known?.lag_measured_at)].map((text) => make("td", "", text)));
    });
    return make("table", "", make("caption", "", say.figureStreams), make("thead", "", head), make("tbody", "", ...rows));
  }
}
