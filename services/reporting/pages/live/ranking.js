// The rows of the table: which areas, in which order, with which figures.

import { MEASURES } from "../measures.js";
import { childLevel } from "./figures.js";
import { written } from "./values.js";

// Rows move at most this often while figures stream in, and never under the reader's hand.
const SORT_AGAIN_MS = 3_000;
const BY = { province: "byProvince", district: "byDistrict", subdistrict: "bySubdistrict" };

export class Ranking {
  constructor(table) {
    this.table = table;
    this.order = [];
    this.sortedAt = 0;
    this.columns = "";
  }

  /** Sorts anew when it is next shown. */
  forget() {
    this.order = [];
  }

  show(view) {
    const { state, words } = view;
    const { say } = words;
    const level = childLevel(state.area);
    const which = MEASURES[state.measure];
    const titles = { name: say.areaColumn[level], ratio: say.share, numerator: say[which.numerator], denominator: say[which.whole({}, state.of).label] };
    const columns = JSON.stringify([titles, state.sort]);
    if (this.columns !== columns) {
      this.table.showColumns(titles, state.sort);
      this.columns = columns;
    }
    const rows = this.sorted(view).map((code) => {
      const found = view.value(code);
      const name = words.name(view.area(code));
      return {
        code,
        name,
        opens: level !== "subdistrict",
        value: found,
        texts: written(found, which, words),
        says: say.figureOf(say[state.measure], name),
        colour: found.state === "value" ? view.colour(code) : null,
      };
    });
    this.table.show(rows, `${say[state.measure]} ${say[BY[level]]}`);
  }

  sorted(view) {
    const codes = view.inQuestion();
    const same = this.order.length === codes.length && this.order.every((code) => codes.includes(code));
    if (same && (this.table.busy || Date.now() - this.sortedAt < SORT_AGAIN_MS)) return this.order;
    const { state, words } = view;
    const column = state.sort.replace(/^-/, "");
    const direction = state.sort.startsWith("-") ? -1 : 1;
    const names = (one, other) => words.collator.compare(words.name(view.area(one)), words.name(view.area(other)));
    const keyOf = (code) => {
      const found = view.value(code);
      if (found.state !== "value" && found.state !== "unknown") return null;
      return { ratio: found.ratio, numerator: found.numerator, denominator: found.whole.value }[column] ?? null;
    };
    this.order = [...codes].sort((one, other) => {
      if (column === "name") return direction * names(one, other);
      const [first, second] = [keyOf(one), keyOf(other)];
      // What has no value comes last, whichever way the others are sorted.
      if (first === null || second === null) return (first === null) - (second === null) || names(one, other);
      return direction * (first - second) || names(one, other);
    });
    this.sortedAt = Date.now();
    return this.order;
  }
}
