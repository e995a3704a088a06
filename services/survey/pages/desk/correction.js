// A correction: the household as it stands, with what is usually wrong to be put right. It is sent as a survey of its own
// on the volunteer's behalf, so that it goes the way of all others, and what it corrects stays as it was.

import { ask } from "../api.js";
import { field, form, selectField, tick } from "../form.js";
import { h, notice } from "../page.js";

const ASK_MS = 500;
const MOST_QUESTIONS = 60; // half a minute; the recorder takes a second, and longer under a surge
const WANTS = ["", "yes", "undecided", "no"];

/** The form for what `opened` (a flagged record) says; `done` gets the correction's id once it is recorded. */
export function correctionForm(opened, done) {
  const before = opened.standing_submission ?? opened.submission;
  const people = (before.persons ?? []).map((one, index) => personFields(one, index));
  let body = null; // kept from try to try: the same id is the same submission
  const made = form({
    parts: [
      ...people,
      field({ name: "contact.phone", label: "contactPhone", type: "tel", inputmode: "tel", required: false, value: before.contact?.phone ?? "" }),
      before.position && tick({ name: "without_position", label: "withoutPosition" }),
    ],
    submit: "sendCorrection",
    send: async (values) => {
      const content = corrected(before, opened, values);
      if (body === null || JSON.stringify({ ...body, submission_id: null, captured_at: null }) !== JSON.stringify({ ...content, submission_id: null, captured_at: null })) body = content;
      await ask("POST", "/v1/submissions", { json: body });
      await recorded(body.submission_id);
      await done(body.submission_id);
    },
  });
  made.addEventListener("submit", () => notice());
  return made;
}

function personFields(one, index) {
  const at = `persons[${index}]`;
  const wants = selectField({ name: `${at}.wants_vaccine`, label: "wants", required: false, marked: false, options: WANTS.map((each) => [each, each ? `wants_${each}` : "notAsked"]) });
  wants.querySelector("select").value = one.wants_vaccine ?? "";
  return h(
    "fieldset",
    { class: "person" },
    h("legend", {}, one.name ?? `${index + 1}`),
    tick({ name: `${at}.leave_out`, label: "leaveOut" }),
    field({ name: `${at}.name`, label: "personName", required: false, marked: false, maxlength: "200", value: one.name ?? "" }),
    field({ name: `${at}.national_id`, label: "nationalId", required: false, marked: false, inputmode: "numeric", maxlength: "40", value: one.national_id ?? "" }),
    tick({ name: `${at}.national_id_as_shown`, label: "asShown", checked: one.national_id_as_shown === true }),
    field({ name: `${at}.age`, label: "age", required: false, marked: false, inputmode: "numeric", maxlength: "3", value: one.age ?? "" }),
    field({ name: `${at}.birth_year`, label: "birthYear", required: false, marked: false, inputmode: "numeric", maxlength: "4", value: one.birth_year ?? "" }),
    wants,
    tick({ name: `${at}.home_visit`, label: "homeVisit", checked: one.home_visit === true }),
  );
}

/** The household with what was changed; what the form does not show stays as it stands. */
function corrected(before, opened, values) {
  const persons = (before.persons ?? []).flatMap((one, index) => {
    const value = (name) => values[`persons[${index}].${name}`];
    if (value("leave_out")) return [];
    return [
      {
        ...one,
        name: value("name") || null,
        national_id: value("national_id") || null,
        national_id_as_shown: value("national_id_as_shown") && value("national_id") !== "",
        age: numeric(value("age")),
        birth_year: numeric(value("birth_year")),
        wants_vaccine: value("wants_vaccine") || null,
        home_visit: value("home_visit"),
      },
    ];
  });
  const phone = values["contact.phone"] || null;
  return {
    ...before,
    submission_id: newId(),
    captured_at: new Date().toISOString(),
    on_behalf_of: before.on_behalf_of ?? opened.volunteer_id,
    position: values.without_position ? null : before.position,
    contact: phone === null && !before.contact?.name ? null : { ...before.contact, phone },
    persons,
  };
}

/** A number, null for nothing; what is none goes as it is, and is refused with the reason. */
function numeric(text) {
  return text === "" ? null : /^\d+$/.test(text) ? Number(text) : text;
}

/** An id of version 7: the time first, so that new ones lie together. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const now = Date.now();
  for (let place = 0; place < 6; place += 1) bytes[place] = Math.floor(now / 256 ** (5 - place)) % 256;
  bytes[6] = (bytes[6] & 0x0f) | 0x70;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Waits until a submission is recorded; if that takes too long, the review says so and can be sent again. */
async function recorded(id) {
  for (let question = 0; question < MOST_QUESTIONS; question += 1) {
    const { status } = await ask("GET", `/v1/submissions/${id}`);
    if (status === "recorded" || status === "superseded") return;
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}
