// What came of meeting or calling somebody who is to be reached.

import { h, notice, number, say } from "../elements.js";
import { actions, button, choice, folded, input, select } from "./controls.js";
import { dated, vaccinesOn } from "./rules.js";

const OUTCOMES = ["appointment", "vaccinated", "no_answer", "changed_mind", "moved", "not_found", "died"];
const CONTACTS = ["visit", "phone", "other"];
const DOSES = ["1", "2", "3", "4"];

/** The answers of a follow-up of `person`, an item of the list of who is to be reached. */
export function blankFollowUp(person) {
  return { label: person.name ?? "", household: person.household_id, person: person.person_id, outcome: null, contact: "visit", facility: "", at: "", dose: null, date: "", vaccine: "", next: "", note: "" };
}

/** The follow-up as the service takes it. */
export function followUpOf(form) {
  const { household, person, outcome, contact, facility, at, dose, date, vaccine, next, note, captured } = form.answers;
  return {
    follow_up_id: form.id,
    captured_at: new Date(captured - (form.clock ?? 0)).toISOString(),
    household_id: household,
    person_id: person,
    outcome,
    contact,
    ...(outcome === "appointment" && { appointment: { facility_id: facility, at: new Date(`${at}:00+07:00`).toISOString() } }),
    ...(outcome === "vaccinated" && { dose: { number: Number(dose), date, ...(vaccine && { vaccine }) } }),
    ...(outcome === "no_answer" && next && { next_at: new Date(`${next}T09:00:00+07:00`).toISOString() }),
    ...(note && { note }),
  };
}

/** Shows a follow-up; `points` are the vaccination points to choose from. */
export function showFollowUp(main, form, { forms, points, done }) {
  const { answers } = form;
  const today = new Date().toLocaleDateString("sv");
  let storing = Promise.resolve();
  const set = (name) => (value) => {
    answers[name] = value;
    form.changed = Date.now();
    const copy = structuredClone(form);
    storing = storing.then(() => forms.save(copy));
  };
  const parts = h("div", {});
  const outcome = choice({ label: "outcome", options: OUTCOMES.map((one) => [one, `outcome_${one}`]), value: answers.outcome, columns: 2, set: (value) => {
    set("outcome")(value);
    ask();
  } });
  const point = select({ label: "point", options: [["", points.length > 0 ? () => "–" : "noPoints"], ...points.map(({ facility_id: id, name }) => [id, () => name])], value: answers.facility, set: (value) => {
    set("facility")(value);
    tellBooked();
  } });
  const at = input({ label: "appointmentAt", type: "datetime-local", min: `${today}T00:00`, value: answers.at, set: (value) => {
    set("at")(value);
    tellBooked();
  } });
  const booked = h("p", { class: "hint", role: "status" });
  const dose = choice({ label: "doseNumber", options: DOSES.map((one) => [one, () => one]), value: answers.dose, set: set("dose") });
  const date = input({ label: "vaccinatedOn", type: "date", max: today, value: answers.date || today, set: set("date") });
  const vaccine = select({ label: "vaccine", options: [["", "vaccineUnknown"], ...vaccinesOn(today).filter(({ name }) => name).map(({ code, name }) => [code, () => name])], value: answers.vaccine, set: set("vaccine") });
  const next = input({ label: "tryAgainAt", type: "date", min: today, value: answers.next, optional: true, set: set("next") });

  function ask() {
    const shown = { appointment: [point, at, booked], vaccinated: [dose, date, vaccine], no_answer: [next] }[answers.outcome] ?? [];
    parts.replaceChildren(...shown);
  }

  /** How many have an appointment at the point on that day, as of the last list; more than it takes is said, not refused. */
  function tellBooked() {
    const chosen = points.find(({ facility_id: id }) => id === answers.facility);
    const day = chosen?.days.find((one) => one.day === answers.at.slice(0, 10));
    const words = { booked: number(day?.booked ?? 0), capacity: chosen?.capacity == null ? "–" : number(chosen.capacity) };
    booked.textContent = chosen && answers.at ? say(day?.over || (chosen.capacity !== null && (day?.booked ?? 0) >= chosen.capacity) ? "bookedFull" : "bookedSoFar", words) : "";
  }

  async function finish() {
    outcome.error(answers.outcome === null ? "outcomeMissing" : undefined);
    const appointed = answers.outcome !== "appointment" || (answers.facility && answers.at);
    const timed = answers.outcome !== "appointment" || dated(answers.at);
    at.error(!appointed ? "pointMissing" : timed ? undefined : "dateWrong");
    if (answers.outcome === "vaccinated" && !answers.date) answers.date = today;
    const vaccinated = answers.outcome !== "vaccinated" || (answers.dose && dated(answers.date) && answers.date <= today);
    dose.error(vaccinated ? undefined : "doseMissing");
    const again = answers.outcome !== "no_answer" || !answers.next || dated(answers.next);
    next.error(again ? undefined : "dateWrong");
    if (answers.outcome === null || !appointed || !timed || !vaccinated || !again) return;
    await storing;
    await forms.finish(form);
    done(form);
  }

  async function leave() {
    await storing;
    if (answers.outcome === null) await forms.remove(form);
    done();
  }

  notice();
  ask();
  tellBooked();
  main.replaceChildren(
    h("h2", { text: () => answers.label || "–", tabindex: "-1" }),
    outcome,
    parts,
    choice({ label: "contact", options: CONTACTS.map((one) => [one, `contact_${one}`]), value: answers.contact, set: set("contact") }),
    folded("note", Boolean(answers.note), input({ label: "note", value: answers.note, maxlength: 500, optional: true, set: set("note") })),
    actions(button("cancel", leave), button("save", finish, { kind: "primary" })),
  );
}
