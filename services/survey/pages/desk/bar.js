// A bar of what is done, due again and not done: by colour, by pattern of order, and in words for who does not see it.

import { h, number, say } from "../page.js";

const PARTS = ["done", "revisit", "new"];
const DRAWING = "http://www.w3.org/2000/svg";

/** A bar of `counts`: {listed, done, revisit, new}. */
export function bar(counts) {
  const drawing = document.createElementNS(DRAWING, "svg");
  drawing.setAttribute("viewBox", "0 0 100 10");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  let from = 0;
  for (const name of PARTS) {
    const width = counts.listed === 0 ? 0 : (100 * counts[name]) / counts.listed;
    const part = document.createElementNS(DRAWING, "rect");
    for (const [key, value] of Object.entries({ x: from, y: 0, width, height: 10, class: name })) part.setAttribute(key, value);
    drawing.append(part);
    from += width;
  }
  const told = () => PARTS.map((name) => `${say(`count_${name}`)} ${number(counts[name])}`).join(", ");
  return h("span", { class: "cover" }, drawing, h("span", { class: "unseen", text: told }));
}

/** What the colours are. */
export function legend() {
  return h("p", { class: "legend" }, PARTS.map((name) => h("span", { class: `key of-${name}`, text: `count_${name}` })));
}
