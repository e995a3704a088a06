// What the reader is looking at. It lives in the address, so that it can be sent to somebody, and so that "back" works.

import { keptLanguage, LANGUAGES } from "./language.js";
import { daysAgo } from "./live/past.js";
import { MEASURES } from "./measures.js";
import { STATUSES } from "./places.js";

const SORTS = ["name", "ratio", "numerator", "denominator"];

const DEFAULTS = { area: "", measure: "progress", of: "surveyed", sort: "-ratio", day: "", places: "", status: "", wall: "", lang: "th" };

// No household was surveyed longer ago; of a later day the address says nothing that is known.
const OLDEST_DAYS = 400;

const ALLOWED = {
  area: (value) => /^(\d{2}|\d{4})?$/.test(value),
  measure: (value) => value in MEASURES,
  of: (value) => value === "surveyed" || value === "population",
  sort: (value) => SORTS.includes(value.replace(/^-/, "")),
  day: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && daysAgo(value) > 0 && daysAgo(value) <= OLDEST_DAYS,
  places: (value) => /^[a-z_]{1,40}$/.test(value),
  status: (value) => STATUSES.includes(value),
  wall: (value) => value === "on",
  lang: (value) => LANGUAGES.includes(value),
};

/** Reads the state from an address; what is not understood is as if it were not there. */
export function readState(search) {
  const asked = new URLSearchParams(search);
  const state = { ...DEFAULTS, lang: keptLanguage() };
  for (const [key, allowed] of Object.entries(ALLOWED)) {
    const value = asked.get(key);
    if (value !== null && allowed(value)) state[key] = value;
  }
  return state;
}

/** The address of a state, without what goes without saying. */
export function addressOf(state) {
  const said = new URLSearchParams();
  for (const key of Object.keys(DEFAULTS)) {
    if (state[key] !== DEFAULTS[key]) said.set(key, state[key]);
  }
  // The other language may be the one that is kept, so Thai is said where the reader once chose English.
  if (state.lang !== keptLanguage()) said.set("lang", state.lang);
  const text = said.toString();
  return text ? `?${text}` : location.pathname;
}
