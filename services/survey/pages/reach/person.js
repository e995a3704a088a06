// A person to reach: who, where, why, whose, and the household behind.

import { ask } from "../api.js";
import { placeName } from "../areas.js";
import { nameOf } from "../desk/names.js";
import { action, showInWindow } from "../form.js";
import { day, h, moment, number } from "../page.js";

/** What a person is called. */
export function calledBy(item) {
  return item.name ? h("span", { class: "called name" }, item.name) : h("span", { class: "called name", text: "unnamed" });
}

/** The number to call, as a link. */
export function phoneOf({ phone, contact }) {
  if (!phone) return null;
  return h("a", { class: "call", href: `tel:${phone.replace(/[^+\d]/g, "")}`, text: contact ? ["callNamed", { phone, name: contact }] : ["call", { phone }] });
}

/** Everything about a person in the list. `before`: what stands in front, such as a box to tick. */
export function personCard(item, { who, volunteers, before = null }) {
  const owner = item.owner === null ? h("span", { class: "tag", text: "nobodys" }) : item.owner === who.subject ? h("span", { class: "tag good", text: "mine" }) : h("span", {}, h("span", { text: "ownedBy" }), " ", nameOf(volunteers, item.owner));
  const appointed = item.status === "appointed";
  return h(
    "li",
    { "data-person": item.person_id, "data-late": item.late },
    h(
      "div",
      { class: "person-row" },
      before,
      h(
        "div",
        { class: "grow" },
        h("p", { class: "line" }, calledBy(item), item.age !== null && h("span", { text: ["years", { age: () => number(item.age) }] }), item.late && h("span", { class: "tag late", text: "late" })),
        h("p", { class: "why-line" }, item.why.map(({ code, message }) => h("span", { class: "why-tag", "data-why": code }, message))),
        item.address && h("p", { class: "line soft" }, item.address),
        item.due_at && h("p", { class: "line", text: [appointed ? "appointedOn" : "tryOn", { time: () => moment(item.due_at) }] }),
        item.registered_area && h("p", { class: "line soft", text: ["registeredIn", { place: placeName(item.registered_area) }] }),
        item.others.length > 0 && h("p", { class: "line soft", text: ["alsoNamed", { number: () => number(item.others.length) }] }),
        h("p", { class: "line" }, owner, item.owner_due_at && h("span", { class: "soft", text: ["promisedBy", { day: () => day(item.owner_due_at) }] })),
        h("p", { class: "line" }, phoneOf(item), action({ text: "openHousehold", class: "link", run: () => showHousehold(item.household_id, volunteers) })),
      ),
    ),
  );
}

async function showHousehold(id, volunteers) {
  const household = await ask("GET", `/v1/households/${id}`);
  const byPerson = new Map(household.persons.filter(({ reach }) => reach).map((one) => [one.reach.person_id, one]));
  showInWindow(
    "household",
    household.address && h("p", {}, household.address),
    h("p", {}, phoneOf(household)),
    h(
      "ul",
      { class: "list" },
      household.persons.map((one) =>
        h(
          "li",
          {},
          h("p", { class: "line" }, calledBy(one), one.age !== null && h("span", { text: ["years", { age: () => number(one.age) }] })),
          h("p", { class: "line soft" }, h("span", { text: ["doses", { number: () => number(one.doses.length) }] }), one.national_id_ends && h("span", { text: ["nationalId", { digits: one.national_id_ends }] })),
          one.reach && h("p", { class: "why-line" }, one.reach.why.map(({ code, message }) => h("span", { class: "why-tag", "data-why": code }, message))),
        ),
      ),
    ),
    h("h4", { text: "followUps" }),
    household.follow_ups.length === 0
      ? h("p", { class: "soft", text: "noFollowUps" })
      : h(
          "ul",
          { class: "steps" },
          household.follow_ups.map((one) => h("li", {}, h("span", { text: () => moment(one.captured_at) }), " ", h("strong", { text: `outcome_${one.outcome}` }), " ", byPerson.get(one.person_id)?.name, " ", one.facility, " ", one.note && `“${one.note}”`)),
        ),
    h("h4", { text: "visits" }),
    h("ul", { class: "steps" }, household.visits.map((one) => h("li", {}, h("span", { text: () => moment(one.captured_at) }), " ", h("span", { text: `kind_${one.kind}` }), " ", one.volunteer_id && nameOf(volunteers, one.volunteer_id), " ", one.flags.map(({ message }) => h("span", { class: "tag late" }, message))))),
  );
}
