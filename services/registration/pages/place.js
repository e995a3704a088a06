// One place: entered, changed, with its history, and what it may be the same as. The places are the facilities service's.

import { ask, list } from "./api.js";
import { areaChoice, learnNames } from "./areas.js";
import { authorName } from "./authors.js";
import { action, field, form, selectField, tick } from "./form.js";
import { begin, complain, fill, h, inLanguage, moment, notice, say, services } from "./page.js";
import { positionField, positionOf } from "./position.js";
import { onPurpose } from "./purpose.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const STATUSES = [["open", "open"], ["full", "fullPlace"], ["suspended", "suspendedPlace"], ["closed", "closedPlace"]];
const VACCINES = { 511: "CoronaVac", 210: "AstraZeneca", 510: "Sinopharm", 208: "Pfizer", 218: "Pfizer 5-11", 207: "Moderna", 212: "Janssen", 211: "Novavax", 213: "vaccineNotSaid" };
const ASKED_KM = 1; // farther outside the district the register takes a position only from somebody who has looked
const MOST_PAIRS = 1_000; // of a district: more than anybody looks through
const NEW = { kind: "vaccination_point", name: "", area: "", official_code: null, position: null, status: "open", capacity: null, free: null, details: {}, hours: [], hours_exceptions: [], holidays: null, hours_note: null, services: [], contact: {} };

begin({ title: "onePlace", signedIn: true }, async (main, who) => {
  const { facilities } = await services();
  if (!facilities) return notice("serviceAway");
  const at = (path) => `${facilities}/v1${path}`;
  const kinds = await ask("GET", at("/facility-kinds"));
  const view = h("div", {});
  let position = null;
  main.append(view);
  await open(new URLSearchParams(location.search).get("id"));

  async function open(id) {
    const place = id ? await ask("GET", at(`/facilities/${encodeURIComponent(id)}`)) : { ...NEW, area: who.area };
    await learnNames([place.area]);
    const purpose = onPurpose(at("/facilities"));
    const area = areaChoice({ inside: who.area.slice(0, 4), changed: () => position.setArea(area.value) });
    position?.remove();
    position = positionField({ position: place.position, moved: (km) => inQuestion(purpose.position, km) });
    fill(view, id && place.facility_id !== id && merged(id, place), h("section", { class: "card" }, editing(place, area, purpose)), id && h("div", { id: "duplicates" }), id && history(place.facility_id));
    if (place.area.length === 6) await area.set(place.area);
    await position.setArea(area.value);
    position.show();
    if (id) await duplicates(place);
  }

  /** Whether somebody has looked is asked where it matters; a tick that nobody sees says nothing. */
  function inQuestion(box, km) {
    if (km === null) return;
    box.hidden = km <= ASKED_KM;
    if (box.hidden) box.querySelector("input").checked = false;
  }

  /** What is said where the address is that of a place which was merged into the one that is shown. */
  function merged(id, place) {
    const part = async () => {
      const parted = await ask("DELETE", at(`/facilities/${encodeURIComponent(id)}/merger`));
      await open(id);
      notice(["placeParted", { name: parted.name }], "good");
    };
    return h("section", { class: "card", id: "merged" }, h("p", { text: ["wasMerged", { name: place.name }] }), h("div", { class: "buttons" }, action({ text: "partAgain", run: part })));
  }

  function editing(place, area, purpose) {
    const own = kinds.find((one) => one.kind === place.kind);
    const possible = kinds.filter(({ standard }) => !place.facility_id || standard === own.standard); // a place stays in its stream
    const kind = selectField({ name: "kind", label: "field_kind", options: possible.map((one) => [one.kind, () => one[inLanguage()]]) });
    const number = (name, label, value) => field({ name, label, type: "number", inputmode: "numeric", min: "0", required: false, value: value ?? "" });
    const text = (name, label, value, rest = {}) => field({ name, label, required: false, value: value ?? "", ...rest });
    const capacity = number("capacity", "placeCapacity", place.capacity);
    const free = number("free", "freeBeds", place.free);
    const lanes = number("lanes_per_hour", "field_lanes_per_hour", place.details.lanes_per_hour);
    const access = selectField({ name: "access", label: "field_access", options: [["", "notSaid"], ["walk_in", "accessWalkIn"], ["appointment", "accessAppointment"], ["both", "accessBoth"]], required: false });
    const vaccines = h("fieldset", {}, h("legend", { text: "field_vaccines" }), Object.entries(VACCINES).map(([code, name]) => tick({ name: `vaccine-${code}`, label: code === "213" ? name : () => name, checked: (place.details.vaccines ?? []).includes(code) })));
    const week = rows("hours", "field_hours", place.hours, hoursRow);
    const exceptions = rows("hours_exceptions", "field_hours_exceptions", place.hours_exceptions, exceptionRow);
    const status = selectField({ name: "status", label: "placeStatus", options: STATUSES });
    const holidays = selectField({ name: "holidays", label: "field_holidays", options: [["", "notSaid"], ["open", "openOnHolidays"], ["closed", "closedOnHolidays"]], required: false });
    const select = (box, value) => (box.querySelector("select").value = value ?? "");
    select(kind, place.kind);
    select(status, place.status);
    select(access, place.details.access);
    select(holidays, place.holidays);
    const asked = () => {
      const chosen = kinds.find((one) => one.kind === kind.querySelector("select").value);
      free.hidden = !chosen.beds;
      for (const [box, name] of [[lanes, "lanes_per_hour"], [vaccines, "vaccines"], [access, "access"]]) box.hidden = !chosen.fields.includes(name);
    };
    kind.addEventListener("change", asked);
    asked();
    return form({
      parts: [
        kind,
        field({ name: "name", label: "field_name", value: place.name, maxlength: "200" }),
        area,
        status,
        capacity,
        free,
        lanes,
        access,
        vaccines,
        h("div", {}, position.element, purpose.position),
        week,
        exceptions,
        holidays,
        text("hours_note", "field_hours_note", place.hours_note, { maxlength: "500" }),
        text("services", "field_services", place.services.join(", "), { hint: "servicesHint" }),
        text("phone", "field_phone", place.contact.phone, { type: "tel" }),
        text("email", "field_email", place.contact.email, { type: "email" }),
        text("website", "field_website", place.contact.website, { type: "url" }),
        text("official_code", "field_official_code", place.official_code, { hint: "codeHint" }),
        purpose.code,
      ],
      submit: "save",
      send: (values, element) => save(place, values, element, purpose),
    });
  }

  /** A list of rows that can be added and taken away; `made(value)` gives the elements of one. */
  function rows(name, label, values, made) {
    const list = h("div", { class: "rows" });
    const add = (value) => {
      const row = h("div", { class: "span-row", "data-row": name }, made(value), action({ text: "takeAway", class: "link", run: () => row.remove() }));
      list.append(row);
    };
    for (const value of values) add(value);
    return h("fieldset", { "data-field": name }, h("legend", { text: label }), list, action({ text: "addRow", run: () => add({}) }));
  }

  function hoursRow({ days = DAYS.slice(0, 5), open = "08:30", close = "16:30" }) {
    return [
      h("div", { class: "days" }, DAYS.map((day) => h("label", {}, h("input", { type: "checkbox", value: day, "data-day": true, checked: days.includes(day) }), h("span", { text: `day_${day}` })))),
      h("div", { class: "row" }, time("opens", open), time("closes", close)),
    ];
  }

  function exceptionRow({ date = "", spans = [], note = "" }) {
    const pair = ({ open = "", close = "" } = {}) => h("div", { class: "row", "data-pair": true }, time("opens", open), time("closes", close));
    const pairs = h("div", {}, spans.length === 0 ? pair() : spans.map(pair));
    return [
      labelled("onDate", h("input", { type: "date", "data-date": true, value: date })),
      pairs,
      h("p", { class: "hint", text: "closedWithoutTimes" }),
      action({ text: "addTimes", class: "link", run: () => pairs.append(pair()) }),
      labelled("exceptionNote", h("input", { type: "text", "data-note": true, value: note ?? "" })),
    ];
  }

  function time(which, value) {
    return labelled(`field_${which}`, h("input", { type: "text", inputmode: "numeric", maxlength: "5", placeholder: () => "08:30", [`data-${which}`]: true, value }));
  }

  function labelled(text, control) {
    return h("label", { class: "grow" }, h("span", { text }), control);
  }

  async function save(place, values, element, purpose) {
    const chosen = kinds.find((one) => one.kind === values.kind);
    const whole = (written) => (written === "" ? null : Number(written));
    const said = (name) => (chosen.fields.includes(name) ? values[name] : "");
    const rowsOf = (name) => [...element.querySelectorAll(`[data-row=${name}]`)];
    const part = (row, name) => row.querySelector(`[data-${name}]`)?.value.trim() ?? "";
    const spansOf = (row) => [...row.querySelectorAll("[data-pair]")].map((pair) => ({ open: part(pair, "opens"), close: part(pair, "closes") })).filter(({ open, close }) => open || close);
    const before = place.details.vaccines ?? [];
    const offered = [...before, ...Object.keys(VACCINES).filter((code) => !before.includes(code))]; // a save that changes nothing keeps their order
    const content = {
      kind: values.kind,
      name: values.name,
      area: values.area,
      organisation_id: place.organisation_id ?? null,
      official_code: values.official_code || null,
      position: values.position === "" ? null : (positionOf(values.position) ?? { lat: null, lon: null }),
      position_confirmed: values.position_confirmed,
      shared_code: values.shared_code,
      status: values.status,
      capacity: whole(values.capacity),
      free: chosen.beds ? whole(values.free) : null,
      details: {
        lanes_per_hour: whole(said("lanes_per_hour")),
        access: said("access") || null,
        vaccines: chosen.fields.includes("vaccines") ? offered.filter((code) => values[`vaccine-${code}`]) : [],
      },
      hours: rowsOf("hours").map((row) => ({ days: [...row.querySelectorAll("[data-day]:checked")].map(({ value }) => value), open: part(row, "opens"), close: part(row, "closes") })),
      hours_exceptions: rowsOf("hours_exceptions").map((row) => ({ date: part(row, "date"), spans: spansOf(row), note: part(row, "note") || null })),
      holidays: values.holidays || null,
      hours_note: values.hours_note || null,
      services: values.services.split(/[\s,]+/).filter(Boolean),
      contact: { phone: values.phone || null, email: values.email || null, website: values.website || null },
    };
    let stored;
    try {
      stored = place.facility_id
        ? await ask("PUT", at(`/facilities/${place.facility_id}`), { json: content, headers: { "If-Match": `"${place.revision}"` } })
        : await ask("POST", at("/facilities"), { json: content });
    } catch (error) {
      if (error.status !== 412) throw error.isRefusal ? await purpose.learn(error) : error;
      return conflict(place);
    }
    window.history.replaceState(null, "", `/place?id=${stored.facility_id}`);
    await open(stored.facility_id);
    notice(["placeSaved", { name: stored.name }], "good");
  }

  /** Somebody was faster: what he changed is said, what was typed here stays, and saving again is meant. */
  async function conflict(place) {
    const present = await ask("GET", at(`/facilities/${place.facility_id}`));
    const differs = Object.keys(NEW).filter((name) => JSON.stringify(place[name]) !== JSON.stringify(present[name]));
    Object.assign(place, present);
    const change = (name) => (["string", "number"].includes(typeof present[name]) ? `${say(`field_${name}`)}: ${present[name]}` : say(`field_${name}`));
    notice(() => say("changedMeanwhile", { name: place.name, changes: differs.map(change).join(", ") }));
  }

  async function duplicates(place) {
    const { entries } = await list(at("/duplicates"), "items", { query: { area: place.area.slice(0, 4) }, most: MOST_PAIRS });
    const others = entries.filter(({ places }) => places.some((one) => one.facility_id === place.facility_id)).map(({ places }) => places.find((one) => one.facility_id !== place.facility_id));
    fill(
      document.getElementById("duplicates"),
      others.map((other) =>
        h(
          "section",
          { class: "card", "data-duplicate": other.facility_id },
          h("p", { text: ["maybeSame", { name: other.name }] }),
          h(
            "div",
            { class: "buttons" },
            action({ text: "itIsSame", class: "button bad", run: () => merge(place, other) }),
            action({ text: "areTwo", run: () => dismiss(place, other) }),
            h("a", { class: "button", href: `/place?id=${other.facility_id}`, text: "seeOther" }),
          ),
        ),
      ),
    );
  }

  async function merge(place, other) {
    await ask("POST", at(`/facilities/${place.facility_id}/merger`), { json: { into: other.facility_id }, headers: { "If-Match": `"${place.revision}"` } });
    window.history.replaceState(null, "", `/place?id=${other.facility_id}`);
    await open(other.facility_id);
    notice(["mergedInto", { name: other.name }], "good");
  }

  async function dismiss(place, other) {
    await ask("POST", at("/duplicates/dismissals"), { json: { one: place.facility_id, other: other.facility_id } });
    await duplicates(place);
  }

  // ---- what became of it ----

  function history(id) {
    const shown = h("ul", { class: "list" });
    const more = h("div", { class: "buttons" });
    const known = [];
    const load = async (below = null) => {
      const answer = await ask("GET", at(`/facilities/${encodeURIComponent(id)}/revisions`), { query: { below } });
      known.push(...answer.items);
      fill(shown, await Promise.all(known.map(revision)));
      fill(more, answer.below !== null && action({ text: "moreRows", run: () => load(answer.below) }));
    };
    const toggled = ({ target }) => target.open && known.length === 0 && load().catch(complain);
    return h("details", { class: "card", id: "history", on: { toggle: toggled } }, h("summary", { text: "placeHistory" }), shown, more);
  }

  /** One revision. Where a merger began or ended, that is what it says. */
  async function revision(one) {
    const fields = one.change === "created" ? [] : one.fields;
    let what = `change_${one.change}`;
    let detail = () => fields.map((name) => say(`field_${name}`)).join(", ");
    if (one.fields.includes("merged_into")) {
      const name = one.merged_into === null ? null : await nameOf(one.merged_into);
      what = one.merged_into === null ? "change_parted" : "change_merged";
      detail = () => (name === null ? "" : say("intoPlace", { name }));
    }
    const author = { subject: one.changed_by, organisation: one.organisation, role: one.role };
    return h("li", {}, h("p", {}, h("span", { class: "tag", text: what }), " ", h("span", { text: detail })), h("p", { class: "who", text: () => `${moment(one.changed_at)} · ${authorName(author, who)}` }));
  }

  async function nameOf(id) {
    try {
      return (await ask("GET", at(`/facilities/${encodeURIComponent(id)}`))).name;
    } catch {
      return null; // that it was merged is said without it
    }
  }
});
