// The open area: where it lies, its figure of every measure, and what the chosen one is a part of. The figures are radio
// buttons: whichever is chosen is on the map and in the table.

import { MEASURES } from "../measures.js";
import { Median } from "./median.js";
import { asBrowser, make, written } from "./values.js";

const WHOLES = { surveyed: "ofSurveyed", population: "ofPopulation" };

export class Summary {
  /** elements: {path, title, measures, of, whole}; go(change, visit), address(change), openFigure(code, measure). */
  constructor(elements, { go, address, openFigure }) {
    this.elements = elements;
    this.handlers = { go, address, openFigure };
    this.median = new Median(elements.median);
    this.cards = new Map(Object.keys(MEASURES).map((name) => [name, this.card(name)]));
    elements.measures.append(...this.cards.values());
  }

  card(name) {
    const label = document.createElement("label");
    label.dataset.measure = name;
    const input = document.createElement("input");
    input.type = "radio";
    input.name = "measure";
    input.value = name;
    input.addEventListener("change", () => this.handlers.go({ measure: name }));
    label.append(input, make("span", "title"), make("b", "share"), make("span", "counts"));
    const open = make("button", "open", "i");
    open.type = "button";
    open.addEventListener("click", () => this.handlers.openFigure(null, name));
    return make("div", "card", label, open);
  }

  /** Writes what stays while figures change. */
  show(view) {
    this.showPath(view);
    const { state, words } = view;
    for (const [name, card] of this.cards) {
      card.querySelector("input").checked = name === state.measure;
      card.querySelector(".title").textContent = words.say[name];
      card.querySelector(".open").ariaLabel = words.say.figureOf(words.say[name], view.name(state.area));
    }
    this.showWholes(view);
    this.showFigures(view);
  }

  showPath(view) {
    const { state } = view;
    const codes = ["", state.area.slice(0, 2), state.area.slice(0, 4)].filter((code, index, all) => all.indexOf(code) === index);
    const items = codes.map((code) => {
      const here = code === state.area;
      const item = make(here ? "span" : "a", "", view.name(code));
      if (here) {
        item.ariaCurrent = "page";
      } else {
        item.href = this.handlers.address({ area: code });
        item.addEventListener("click", (event) => {
          if (asBrowser(event)) return;
          event.preventDefault();
          this.handlers.go({ area: code }, true);
        });
      }
      return item;
    });
    this.elements.path.replaceChildren(...items);
    this.elements.path.hidden = state.area === "";
    this.elements.title.textContent = items.at(-1).textContent;
  }

  /** Doses can be seen as a share of those surveyed or of those registered; the choice is the reader's and is always said. */
  showWholes({ state, words }) {
    const box = this.elements.of;
    box.hidden = !MEASURES[state.measure].choosesWhole;
    const buttons = Object.entries(WHOLES).map(([of, text]) => {
      const button = make("button", "", words.say[text]);
      button.type = "button";
      button.dataset.of = of;
      button.ariaPressed = String(state.of === of);
      button.addEventListener("click", () => {
        this.handlers.go({ of });
        box.querySelector(`[data-of="${of}"]`).focus();
      });
      return button;
    });
    box.replaceChildren(make("span", "", words.say.of), ...buttons);
  }

  showFigures(view) {
    const { state, words } = view;
    for (const [name, card] of this.cards) {
      const found = view.value(state.area, name);
      const texts = written(found, MEASURES[name], words);
      const label = card.querySelector("label");
      label.dataset.state = found.state;
      label.querySelector(".share").textContent = found.state !== "value" && found.numerator ? texts.numerator : texts.ratio;
      label.querySelector(".counts").textContent = found.state === "value" ? words.say.outOf(texts.numerator, texts.denominator) : "";
    }
    const { whole } = view.value(state.area, state.measure);
    const parts = [whole.says && words.say[whole.says]];
    if (whole.source) parts.push(whole.source);
    if (whole.dated) parts.push(words.say.dated(words.day(whole.dated)));
    if (whole.says && whole.value === null) parts.push(words.say.noTable);
    this.elements.whole.textContent = parts.filter(Boolean).join(" · ");
    this.median.show(view);
  }
}
