// Volunteers' names: registration's, asked with the reader's own token. Without them a volunteer is shown by the first
// characters of the id, so that the desk works while registration is away.

import { list } from "../api.js";
import { h, notice, services } from "../page.js";

const MOST = 1_000; // of a district; who has more is found by registration's own search
let asked = null;

/** The approved volunteers of an area: a promise of id -> {name, phone}. Registration records that they were read. */
export function volunteersOf(area) {
  asked ??= services()
    .then(({ registration }) => {
      if (!registration) throw new Error("not configured");
      return list(`${registration}/v1/volunteers`, "volunteers", { query: { area, status: "approved" }, most: MOST });
    })
    .then(({ entries }) => new Map(entries.map((one) => [one.volunteer_id, one])))
    .catch(() => {
      notice("namesAway");
      return new Map();
    });
  return asked;
}

/** Who a volunteer is, as far as it is known here. */
export function nameOf(volunteers, id) {
  const known = volunteers.get(id)?.name;
  return known ? h("span", { class: "name" }, known) : h("span", {}, h("span", { text: "somebody" }), ` ${id.slice(-6)}`);
}

/** A select of volunteers by name, the first choice being nobody's. */
export function volunteerOptions(volunteers, first) {
  const collator = new Intl.Collator("th");
  const named = [...volunteers.values()].filter(({ name }) => name).toSorted((one, other) => collator.compare(one.name, other.name));
  return [h("option", { value: "", text: first }), ...named.map(({ volunteer_id: id, name }) => h("option", { value: id }, name))];
}
