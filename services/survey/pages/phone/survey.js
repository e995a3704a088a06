// The survey of one household: the house, the persons, done. Every change is stored, so that a phone that dies in the middle
// opens where it was.

import { h, notice, say } from "../elements.js";
import { actions, button, choice, folded, input, select, several, toggle, twice } from "./controls.js";
import { ageOf, arabic, dosesProblem, mobile, nationalId, REASONS, RISKS, vaccinesOn, yearsOf } from "./rules.js";

const POSITION = { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 };
const AT_RISK_AGE = 60;
const DOSES = ["0", "1", "2", "3", "4"];
const COMPLETE = 3; // who has so many is not asked whether she wants another
const MOST_PERSONS = 50;

/** A household that nothing is known of yet; `known` is the house, where it is on a list or the last one was next door. */
export function blankHousehold(known) {
  return { area: "", moo: "", house: "", unit: "", contact: { name: "", phone: "" }, position: null, persons: [], step: "house", ...known };
}

/** How a household is called in lists. */
export function labelOf({ house, unit, moo }) {
  return [house, unit && `(${unit})`, moo && `ม.${Number(moo)}`].filter(Boolean).join(" ");
}

/** The submission of a finished form, as the service takes it. */
export function submissionOf(form) {
  const { area, moo, house, unit, contact, position, persons, captured } = form.answers;
  const village = moo && !area.startsWith("10") ? `${area}${String(Number(moo)).padStart(2, "0")}` : null;
  return {
    submission_id: form.id,
    captured_at: new Date(captured - (form.clock ?? 0)).toISOString(),
    address: { area, house, ...(village && { village }), ...(unit && { unit }) },
    ...(position && { position }),
    ...((contact.name || contact.phone) && { contact: { ...(contact.name && { name: contact.name }), ...(contact.phone && { phone: mobile(contact.phone) }) } }),
    persons: persons.map(personOf),
  };
}

function personOf(person) {
  const age = person.age ? ageOf(person.age) : null;
  const risks = [...person.risks, ...(atRiskByAge(person) ? ["age_60"] : [])];
  const id = person.nationalId ? nationalId(person.nationalId) : null;
  return {
    ...(person.name && { name: person.name }),
    ...age,
    ...(person.sex && { sex: person.sex }),
    ...(id && { national_id: id.digits, ...(!id.right && { national_id_as_shown: true }) }),
    doses: person.doses.map(({ date, vaccine }, index) => ({ number: index + 1, ...(date && { date }), ...(vaccine && { vaccine }) })),
    ...(risks.length > 0 && { risks }),
    ...(person.wants && { wants_vaccine: person.wants }),
    ...(person.reasons.length > 0 && { reasons: person.reasons }),
    ...(person.homeVisit && { home_visit: true }),
  };
}

function blankPerson() {
  return { name: "", age: "", sex: null, doses: null, risks: [], wants: null, reasons: [], homeVisit: false, nationalId: "", asShown: false };
}

function atRiskByAge({ age }) {
  const found = age ? ageOf(age) : null;
  return found !== null && yearsOf(found) >= AT_RISK_AGE;
}

/** Shows a draft at the step where it is. `areas` are the subdistricts to choose from; `done` leaves the survey. */
export function showSurvey(main, form, { forms, areas, done }) {
  const { answers } = form;
  let storing = Promise.resolve();
  const store = () => {
    answers.label = labelOf(answers);
    form.changed = Date.now();
    const copy = structuredClone(form);
    storing = storing.then(() => (form.state === "draft" ? forms.save(copy) : null));
  };
  const go = (step) => {
    answers.step = step;
    store();
    show();
    scrollTo(0, 0);
    main.querySelector("h2").focus();
  };

  function show() {
    notice();
    if (answers.step === "house") return showHouse();
    if (answers.step === "persons") return showPersons();
    showPerson(answers.step);
  }

  function showHouse() {
    const area =
      areas.length > 0
        ? select({ label: "subdistrict", options: areas.map(({ code, name }) => [code, () => name[document.documentElement.lang === "en" ? 1 : 0]]), value: answers.area, set: put("area") })
        : input({ label: "subdistrictCode", value: answers.area, inputmode: "numeric", maxlength: 6, set: (value) => put("area")(arabic(value)) });
    if (!answers.area && areas.length > 0) answers.area = areas[0].code;
    const moo = input({ label: "moo", value: answers.moo, inputmode: "numeric", maxlength: 2, optional: true, set: (value) => put("moo")(arabic(value.trim())) });
    const house = input({ label: "houseNumber", value: answers.house, maxlength: 60, set: (value) => put("house")(value.trim()) });
    const phone = input({ label: "contactPhone", value: answers.contact.phone, type: "tel", inputmode: "tel", set: (value) => putContact("phone", value.trim()), optional: true });
    const more = folded(
      "moreOfHouse",
      Boolean(answers.contact.name || answers.contact.phone || answers.unit || answers.position),
      input({ label: "contactName", value: answers.contact.name, maxlength: 200, set: (value) => putContact("name", value.trim()), optional: true }),
      phone,
      input({ label: "unit", value: answers.unit, maxlength: 60, set: (value) => put("unit")(value.trim()), optional: true }),
      positionPart(),
    );
    const next = () => {
      area.error(/^\d{6}$/.test(answers.area) ? undefined : "areaMissing");
      house.error(answers.house ? undefined : "houseMissing");
      moo.error(answers.moo === "" || /^[1-9]\d?$/.test(answers.moo) ? undefined : "mooWrong");
      phone.error(answers.contact.phone === "" || mobile(answers.contact.phone) ? undefined : "phoneWrong");
      if (mend()) go("persons");
    };
    main.replaceChildren(title("houseTitle"), h("div", { class: "pair" }, house, moo), area, more, discard(), actions(button("back", leave), button("next", next, { kind: "primary" })));
  }

  function positionPart() {
    const said = h("p", { class: "hint", role: "status" });
    const drop = button("dropPosition", () => tell(null), { kind: "quiet" });
    const take = button("takePosition", () => {
      take.disabled = true;
      navigator.geolocation.getCurrentPosition(
        ({ coords }) => tell({ lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.round(coords.accuracy) }),
        () => tell(null, "positionFailed"),
        POSITION,
      );
    });
    function tell(position, otherwise) {
      put("position")(position);
      take.disabled = false;
      drop.hidden = position === null;
      const words = position === null ? otherwise : ["positionTaken", { metres: position.accuracy_m }];
      said.textContent = words === undefined ? "" : Array.isArray(words) ? say(...words) : say(words);
    }
    const element = h("div", { class: "field" }, h("p", { class: "label", text: "position" }), take, drop, said);
    tell(answers.position);
    return element;
  }

  function showPersons() {
    const rows = answers.persons.map((person, index) =>
      h("li", {}, h("button", { type: "button", class: "person", on: { click: () => go(index) } }, h("span", { class: "name", text: lineOf(person, index) }), h("span", { class: "tags" }, tagsOf(person)))),
    );
    const full = answers.persons.length >= MOST_PERSONS;
    main.replaceChildren(
      title("personsTitle"),
      h("p", { class: "soft", text: () => labelOf(answers) }),
      rows.length > 0 ? h("ol", { class: "persons" }, rows) : h("p", { class: "empty", text: "noPersons" }),
      !full && button("addPerson", () => {
        answers.persons.push(blankPerson());
        go(answers.persons.length - 1);
      }, { kind: "wide" }),
      discard(),
      actions(button("back", () => go("house")), button(rows.length > 0 ? "finish" : "noPersonsSure", finish, { kind: "primary" })),
    );
  }

  function showPerson(index) {
    const person = answers.persons[index];
    const set = (name) => (value) => {
      person[name] = value;
      store();
    };
    const age = input({
      label: "ageOrYear",
      hint: "ageHint",
      value: person.age,
      inputmode: "numeric",
      maxlength: 4,
      set: (value) => {
        set("age")(value.trim());
        applies();
      },
    });
    const heard = h("p", { class: "hint", role: "status" });
    age.append(heard);
    const byAge = h("p", { class: "tag good", text: "risk_age_60" });
    const sex = choice({ label: "sex", options: ["f", "m", "x"].map((one) => [one, `sex_${one}`]), value: person.sex, optional: true, set: (value) => {
      set("sex")(value);
      applies();
    } });
    const details = h("div", {});
    const doses = choice({
      label: "doses",
      options: DOSES.map((one) => [one, one === "0" ? "dose_0" : one === "4" ? "dose_many" : () => one]),
      value: person.doses === null ? null : String(Math.min(person.doses.length, 4)),
      set: (value) => {
        const had = person.doses ?? [];
        set("doses")(Array.from({ length: Number(value) }, (_, each) => had[each] ?? { date: "", vaccine: "" }));
        showDoses();
        applies();
      },
    });
    const pregnancy = several({ label: "risk_pregnancy_12_weeks", options: [["pregnancy_12_weeks", "risk_pregnancy_12_weeks"]], values: person.risks, set: set("risks") });
    const risks = several({ label: "risks", options: RISKS.map((one) => [one, `risk_${one}`]), values: person.risks, set: set("risks") });
    const wants = choice({ label: "wants", options: ["yes", "undecided", "no"].map((one) => [one, `wants_${one}`]), value: person.wants, optional: true, set: (value) => {
      set("wants")(value);
      applies();
    } });
    const reasons = several({ label: "reasons", options: REASONS.map((one) => [one, `reason_${one}`]), values: person.reasons, set: set("reasons") });
    const visit = toggle({ label: "homeVisit", value: person.homeVisit, set: set("homeVisit") });
    const shown = toggle({ label: "nationalIdAsShown", value: person.asShown, set: set("asShown") });
    const id = input({ label: "nationalId", value: person.nationalId, inputmode: "numeric", maxlength: 17, optional: true, set: (value) => {
      set("nationalId")(value.trim());
      shown.hidden = true;
      id.error();
    } });
    shown.hidden = !person.asShown;
    const more = folded("moreOfPerson", Boolean(person.name || person.nationalId), input({ label: "personName", value: person.name, maxlength: 200, optional: true, set: (value) => set("name")(value.trim()) }), id, shown);

    /** What is asked only when it applies. */
    function applies() {
      const found = person.age ? ageOf(person.age) : null;
      const years = found === null ? null : yearsOf(found);
      heard.textContent = found?.birth_year === undefined ? "" : say("ageIs", { years });
      byAge.hidden = !atRiskByAge(person);
      pregnancy.hidden = person.sex !== "f" || (years !== null && (years < 10 || years > 55));
      if (pregnancy.hidden && person.risks.includes("pregnancy_12_weeks")) person.risks.splice(person.risks.indexOf("pregnancy_12_weeks"), 1);
      const asked = person.doses !== null && person.doses.length < COMPLETE;
      wants.hidden = !asked;
      if (!asked) person.wants = null;
      reasons.hidden = !asked || person.wants === null || person.wants === "yes";
      if (reasons.hidden) person.reasons = [];
      visit.hidden = !asked || person.wants !== "yes";
      if (visit.hidden) person.homeVisit = false;
    }

    function showDoses() {
      const had = person.doses ?? [];
      const today = new Date().toLocaleDateString("sv");
      const rows = had.map((dose, each) => {
        const vaccine = select({ label: ["doseVaccine", { number: each + 1 }], options: [["", "vaccineUnknown"], ...vaccinesOn(dose.date).filter(({ name }) => name).map(({ code, name }) => [code, () => name])], value: dose.vaccine, set: (value) => {
          dose.vaccine = value;
          store();
        } });
        const date = input({ label: ["doseDate", { number: each + 1 }], type: "date", max: today, value: dose.date, set: (value) => {
          dose.date = value;
          store();
          for (const one of rows) one.date.error();
          const problem = dosesProblem(had.map((one) => one.date), today);
          if (problem) date.error(problem);
        } });
        return { date, vaccine };
      });
      details.replaceChildren(...(rows.length === 0 ? [] : [folded("doseDetails", had.some(({ date, vaccine }) => date || vaccine), ...rows.flatMap(({ date, vaccine }) => [date, vaccine]))]));
    }

    const finishPerson = () => {
      age.error(person.age === "" || ageOf(person.age) !== null ? undefined : "ageWrong");
      doses.error(person.doses === null ? "dosesMissing" : undefined);
      const typed = person.nationalId ? nationalId(person.nationalId) : null;
      const doubtful = typed !== null && typed.digits !== null && !typed.right;
      shown.hidden = !doubtful;
      id.error(typed === null || (typed.digits !== null && (typed.right || person.asShown)) ? undefined : doubtful ? "nationalIdCheck" : "nationalIdWrong");
      if (typed !== null) more.open = true;
      const today = new Date().toLocaleDateString("sv");
      if (person.doses !== null && dosesProblem(person.doses.map(({ date }) => date), today)) details.querySelector("details").open = true;
      if (mend()) go("persons");
    };
    const remove = () => {
      answers.persons.splice(index, 1);
      go("persons");
    };
    showDoses();
    applies();
    main.replaceChildren(
      title(["personTitle", { number: index + 1 }]),
      h("div", { class: "pair" }, age, sex),
      byAge,
      doses,
      details,
      wants,
      reasons,
      visit,
      risks,
      pregnancy,
      more,
      button("removePerson", remove, { kind: "quiet" }),
      actions(button("personDone", finishPerson, { kind: "primary" })),
    );
  }

  function put(name) {
    return (value) => {
      answers[name] = value;
      store();
    };
  }

  function putContact(name, value) {
    answers.contact[name] = value;
    store();
  }

  /** Goes to the first field that is wrong; true when there is none. */
  function mend() {
    const wrong = [...main.querySelectorAll(".error")].find((error) => !error.hidden);
    wrong?.closest(".field").querySelector("input, select, button").focus();
    return wrong === undefined;
  }

  function discard() {
    return twice("discard", "discardSure", () => {
      form.state = "discarded";
      storing.then(() => forms.remove(form)).then(() => done());
    });
  }

  async function leave() {
    await storing;
    done();
  }

  async function finish() {
    await storing;
    await forms.finish(form);
    done(form);
  }

  store();
  show();
}

function title(text) {
  return h("h2", { text, tabindex: "-1" });
}

function lineOf(person, index) {
  return () => {
    const found = person.age ? ageOf(person.age) : null;
    const who = [person.name || say("personTitle", { number: index + 1 }), found === null ? say("unknownAge") : say("years", { years: yearsOf(found) })].join(", ");
    return say("personLine", { who, doses: person.doses?.length ?? "?" });
  };
}

function tagsOf(person) {
  return [
    person.wants && h("span", { class: `tag ${person.wants === "yes" ? "good" : ""}`, text: `wants_${person.wants}` }),
    (person.risks.length > 0 || atRiskByAge(person)) && h("span", { class: "tag late", text: () => "608" }),
    person.homeVisit && h("span", { class: "tag late", text: "homeVisit" }),
  ];
}
