// What the map's colours mean, and how many areas have each.

import { classOf, MEASURES } from "../measures.js";
import { childLevel } from "./figures.js";
import { make } from "./values.js";

/** Writes the legend of what is shown into an element. */
export function showLegend(element, view) {
  const { state, words } = view;
  const { say } = words;
  const which = MEASURES[state.measure];
  const counted = new Map();
  for (const code of view.inQuestion()) {
    const found = view.value(code);
    const key = found.state === "value" ? String(classOf(which, found.ratio)) : found.state;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  const item = (key, text, fill) => {
    const swatch = document.createElement("i");
    if (fill) swatch.style.backgroundColor = fill;
    const line = make("li", "", swatch, make("span", "", text), make("b", "", words.number(counted.get(key) ?? 0)));
    line.dataset.class = key;
    return line;
  };
  const steps = [0, ...which.steps].map((step) => words.roundPercent(step));
  const items = which.colours.map((colour, index) => {
    const text = index === 0 ? say.rangeBelow(steps[1]) : index === 4 ? say.rangeFrom(steps[4]) : say.range(steps[index], steps[index + 1]);
    return item(String(index), text, colour);
  });
  items.push(item("none", say[which.none]));
  for (const [other, text] of [["unknown", say.unknown], ["suppressed", say.suppressedLong], ["untold", say.untold]]) {
    if (counted.has(other)) items.push(item(other, text));
  }
  element.replaceChildren(make("p", "", say[state.measure], make("span", "unit", say.areas[childLevel(state.area)])), make("ul", "", ...items));
}
