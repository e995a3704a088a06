// The figures of a past day: as of its end in Thailand, by when households were visited.

import { BANGKOK } from "../language.js";
import { childLevel } from "./figures.js";

const HELD = 90; // answers; a month played through at three levels
const DAY_MS = 86_400_000;

const thaiDay = new Intl.DateTimeFormat("en-CA", { timeZone: BANGKOK, year: "numeric", month: "2-digit", day: "2-digit" });

/** Today in Thailand, as YYYY-MM-DD. */
export function today() {
  return thaiDay.format(new Date());
}

/** The day so many days later (or, below zero, earlier). */
export function dayAfter(day, days) {
  return new Date(Date.parse(day) + days * DAY_MS).toISOString().slice(0, 10);
}

/** How many days a day lies before today. */
export function daysAgo(day) {
  return Math.round((Date.parse(today()) - Date.parse(day)) / DAY_MS);
}

/** Holds the figures of the chosen day; `changed()` is called when they are there, `failed(error)` when they are not to be had. */
export class Past {
  /** houses(code): the present table's houses, which a past day's progress is a part of as well. */
  constructor({ changed, failed, houses }) {
    this.listener = { changed, failed };
    this.houses = houses;
    this.held = new Map();
    this.wanted = null;
    this.rows = new Map();
  }

  /** An area's figures on the chosen day; undefined while they are not there. */
  get(code) {
    const row = this.rows.get(code);
    return row && { ...row, houses: this.houses(code) };
  }

  /** Shows the day in an area; an empty day: none. Resolves when the figures are there or are not to be had. */
  async show(area, day) {
    const key = day && `${day}/${area}`;
    if (key === this.wanted) return;
    this.wanted = key;
    this.rows = this.held.get(key) ?? new Map();
    this.listener.failed(null);
    if (!key || this.held.has(key)) return;
    try {
      const own = area === "" ? ["", "country"] : area.length === 2 ? [area, "province"] : [area.slice(0, 2), "district"]; // with its neighbours
      const answers = await Promise.all([own, [area, childLevel(area)]].map((asked) => ask(...asked, day)));
      const rows = new Map(answers.flatMap((answer) => answer.rows).map((row) => [row.area, figures(row)]));
      this.held.set(key, rows);
      if (this.held.size > HELD) this.held.delete(this.held.keys().next().value);
      if (key !== this.wanted) return;
      this.rows = rows;
      this.listener.changed();
    } catch (error) {
      if (key !== this.wanted) return;
      this.wanted = null; // so that it is asked for again
      this.listener.failed(error);
    }
  }
}

async function ask(area, level, day) {
  const response = await fetch(`/v1/history?${new URLSearchParams({ area, level, day })}`);
  if (!response.ok) throw new Error(`history: ${response.status}`);
  return response.json();
}

function figures(row) {
  const { denominator, source, dated } = row.one_dose;
  return { ...row, past: true, population: denominator === null ? null : { value: denominator, source, dated } };
}
