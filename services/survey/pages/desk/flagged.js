// Records with something odd: what it is, what was sent, and what the coordinator found.

import { ask } from "../api.js";
import { learnNames, placeName } from "../areas.js";
import { action, form, showInWindow } from "../form.js";
import { fill, h, moment, notice, number, say } from "../page.js";
import { correctionForm } from "./correction.js";
import { nameOf, volunteersOf } from "./names.js";
import { villageName } from "./village.js";

const FLAGS = ["position_elsewhere", "implausible_speed", "same_person", "check_digit", "on_behalf"];
const SURVEYORS = ["district_coordinator", "subdistrict_coordinator"]; // a submission counts for who may survey

/** Shows the flagged records of an area, those that nobody has looked at first. */
export async function showFlagged(place, { area, who }) {
  const volunteers = await volunteersOf(area);
  const state = h("select", { id: "seen", on: { change: load } }, ["open", "seen"].map((each) => h("option", { value: each, text: `review_${each}` })));
  const flag = h("select", { id: "flag", on: { change: load } }, h("option", { value: "", text: "everyFlag" }), FLAGS.map((each) => h("option", { value: each, text: `flag_${each}` })));
  const found = h("ul", { class: "list" });
  const onward = h("p", { class: "buttons" });
  place.append(h("section", { class: "card tools two" }, h("div", { class: "field" }, h("label", { for: "seen", text: "showOnly" }), state), h("div", { class: "field" }, h("label", { for: "flag", text: "whatIsOdd" }), flag)), found, onward);
  await load();

  async function load() {
    fill(found);
    await more(null);
  }

  async function more(cursor) {
    const page = await ask("GET", "/v1/desk/flagged", { query: { area, state: state.value, flag: flag.value, cursor } });
    await learnNames(page.items.map((one) => one.area));
    if (page.items.length === 0 && cursor === null) fill(found, h("li", { class: "empty", text: state.value === "open" ? "nothingToLookAt" : "nothingSeen" }));
    found.append(...page.items.map(card));
    fill(onward, page.cursor !== null && action({ text: "more", run: () => more(page.cursor) }));
  }

  function card(one) {
    const inside = h("div", { class: "opened" });
    const opener = action({
      text: "lookAt",
      class: "button",
      run: async () => {
        fill(inside, await detail(one, inside));
        inside.querySelector("h3")?.focus();
      },
    });
    return h(
      "li",
      { "data-submission": one.submission_id },
      h(
        "div",
        { class: "row" },
        h("span", { class: "grow" }, h("span", { class: "tags" }, one.flags.map(({ code }) => h("span", { class: "tag waiting", text: `flag_${code}` }))), h("span", { class: "who" }, h("span", { text: () => `${villageName(one.village ?? "-")()} ${placeName(one.area, 6)()} · ${moment(one.captured_at)} · ` }), nameOf(volunteers, one.volunteer_id))),
        one.review && h("span", { class: `tag ${one.review.verdict === "wrong" ? "bad" : "good"}`, text: `verdict_${one.review.verdict}` }),
        !one.erased && opener,
      ),
      one.erased && h("p", { class: "hint", text: "wasErased" }),
      inside,
    );
  }

  async function detail(one, inside) {
    const opened = await ask("GET", `/v1/desk/flagged/${one.submission_id}`);
    const sent = opened.submission;
    if (sent === null) return h("p", { class: "hint", text: "wasErased" });
    await learnNames([...opened.elsewhere.map(({ area: code }) => code), ...(opened.door_before ? [opened.door_before.area] : [])]);
    return [
      h("h3", { tabindex: "-1", text: "whyOdd" }),
      h("ul", { class: "why" }, opened.flags.map(({ code, message }) => h("li", {}, message, " ", h("span", { class: "soft", text: () => behind(code, opened) })))),
      h("h3", { text: "whatWasSent" }),
      !opened.standing && h("p", { class: "hint", text: "laterVisitStands" }),
      h("dl", {}, h("dt", { text: "houseNumber" }), h("dd", {}, [sent.address.house, sent.address.unit].filter(Boolean).join(" / ")), h("dt", { text: "contact" }), h("dd", {}, [sent.contact?.name, sent.contact?.phone].filter(Boolean).join(" · ") || "–")),
      h("div", { class: "scroll", tabindex: "0", role: "region", label: "persons" }, persons(sent)),
      opened.review ? [h("p", {}, h("b", { text: `verdict_${opened.review.verdict}` }), " · ", h("span", { text: () => moment(opened.review.reviewed_at) })), opened.note && h("p", { class: "said" }, opened.note)] : judging(one, opened, inside),
    ];
  }

  function judging(one, opened, inside) {
    const mayCorrect = SURVEYORS.includes(who.role) && one.captured_at !== null;
    const options = ["fine", ...(mayCorrect ? ["corrected"] : []), "wrong"];
    const verdict = h("fieldset", {}, h("legend", { text: "whatDidYouFind" }), options.map((each) => h("div", { class: "tick" }, h("input", { type: "radio", name: "verdict", value: each, id: `${each}-${one.submission_id}` }), h("label", { for: `${each}-${one.submission_id}`, text: `find_${each}` }))));
    const noteId = `note-${one.submission_id}`;
    const note = h("div", { class: "field" }, h("label", { for: noteId }, h("span", { text: "note" }), h("small", { text: "optional" })), h("textarea", { id: noteId, name: "note", maxlength: "500" }));
    return form({
      parts: [verdict, note],
      submit: "keepIt",
      send: async (values) => {
        if (!values.verdict) return notice("verdictFirst");
        if (values.verdict === "corrected") return correct(one, opened, values.note, inside);
        await judge(one, { verdict: values.verdict, note: values.note || null });
      },
    });
  }

  function correct(one, opened, note, inside) {
    const window = showInWindow("correction", h("p", { class: "hint", text: "correctionMeans" }));
    const made = correctionForm(opened, async (correction) => {
      await judge(one, { verdict: "corrected", note: note || null, corrected_by: correction });
      window.close();
    });
    window.insertBefore(made, window.lastElementChild);
    window.classList.add("wide-window");
    inside.querySelector("form")?.reset();
  }

  async function judge(one, body) {
    try {
      await ask("POST", `/v1/desk/flagged/${one.submission_id}/review`, { json: body });
    } catch (error) {
      if (error.code !== "already_reviewed") throw error;
      await load();
      throw error;
    }
    found.querySelector(`[data-submission="${one.submission_id}"]`)?.remove();
    if (found.children.length === 0) await load();
    notice("judged", "good");
  }
}

/** What lies behind a flag, beyond what it says by itself. */
function behind(code, { elsewhere, door_before: door, submission, volunteer_id: volunteer }) {
  if (code === "same_person" && elsewhere.length > 0) return say("alsoIn", { places: elsewhere.map((one) => placeName(one.area, 4)()).join(", ") });
  if (code === "implausible_speed" && door) return say("doorBefore", { place: placeName(door.area, 4)(), time: moment(door.captured_at) });
  if (code === "position_elsewhere" && submission.position) return say("positionWas", { lat: submission.position.lat.toFixed(4), lon: submission.position.lon.toFixed(4), accuracy: submission.position.accuracy_m === undefined ? "–" : number(Math.round(submission.position.accuracy_m)) });
  return "";
}

function persons({ persons: people }) {
  const head = h("tr", {}, ["personName", "nationalId", "age", "doses", "wants"].map((text) => h("th", { scope: "col", class: "words", text })));
  const rows = people.map((one) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, one.name ?? "–"),
      h("td", { class: "words" }, one.national_id ?? "–", one.national_id_as_shown && [" ", h("span", { class: "tag waiting", text: "asOnCard" })]),
      h("td", { class: "words" }, ageOf(one)),
      h("td", { class: "words" }, String(Math.max(0, ...(one.doses ?? []).map((dose) => dose.number)))),
      h("td", { class: "words", text: one.wants_vaccine ? `wants_${one.wants_vaccine}` : "notAsked" }),
    ),
  );
  return h("table", { class: "houses" }, h("caption", { text: "persons" }), h("thead", {}, head), h("tbody", {}, rows));
}

function ageOf({ age, birth_year: born }) {
  return age !== undefined ? String(age) : born !== undefined ? say("bornIn", { year: born }) : "–";
}
