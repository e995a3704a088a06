// For staff: the requests of the area, those due first first; looking at one, deciding it, carrying it out.

import { ask } from "../api.js";
import { learnNames, placeName } from "../areas.js";
import { action, askInWindow, field, form, selectField } from "../form.js";
import { day, fill, h, moment, notice } from "../page.js";
import { asking, hand } from "./mine.js";

const LEAD = { waiting: "waiting", accepted: "waiting", done: "good", refused: "bad", withdrawn: "" };
const CHECKS = ["card", "known", "other"];

/** Shows the queue of the area of whoever is signed in. */
export async function showWork(main, who) {
  const which = h("select", { id: "which", on: { change: load } }, ["open", "closed"].map((each) => h("option", { value: each, text: `which_${each}` })));
  const found = h("ul", { class: "list", id: "queue" });
  const onward = h("p", { class: "buttons" });
  const written = h("details", { class: "card" }, h("summary", { text: "onBehalf" }), asking(
    async (values) => {
      await ask("POST", "/v1/subject-requests", { json: values });
      written.open = false;
      await load();
      notice("done", "good");
    },
    [
      field({ name: "phone", label: "phoneOf", required: false, type: "tel", inputmode: "tel" }),
      selectField({ name: "identity", label: "identity", options: CHECKS.map((each) => [each, `identity_${each}`]) }),
      field({ name: "identity_note", label: "identityNote", control: "textarea", required: false, maxlength: "1000" }),
    ],
  ));
  await learnNames([who.area]);
  main.append(
    h("p", { class: "buttons" }, h("a", { class: "button quiet", href: "/privacy", text: "toMine" })),
    h("section", { class: "card tools" }, h("div", { class: "field" }, h("label", { for: "which", text: "which" }), which)),
    found,
    onward,
    written,
  );
  await load();

  async function load() {
    fill(found);
    await more(null);
  }

  async function more(cursor) {
    const page = await ask("GET", "/v1/subject-requests", { query: { which: which.value, cursor } });
    await learnNames(page.items.map((one) => one.area));
    if (page.items.length === 0 && cursor === null) fill(found, h("li", { class: "empty", text: "queueEmpty" }));
    found.append(...page.items.map(card));
    fill(onward, page.cursor !== null && action({ text: "more", run: () => more(page.cursor) }));
  }

  function card(one) {
    const inside = h("div", { class: "opened" });
    const open = async () => fill(inside, detail(await ask("GET", `/v1/subject-requests/${one.request_id}`), load));
    return h(
      "li",
      { "data-request": one.request_id },
      h(
        "div",
        { class: "row" },
        h("span", { class: "grow" }, h("b", { text: `kind_${one.kind}` }), h("span", { class: "who", text: placeName(one.area, 6) }), h("span", { class: "hint", text: ["askedOn", { asked: () => day(one.asked_at), due: () => day(one.due_at) }] })),
        one.late && h("span", { class: "tag bad", text: "late" }),
        h("span", { class: `tag ${LEAD[one.state]}`, text: `state_${one.state}` }),
        action({ text: "lookAtIt", class: "button", run: open }),
      ),
      inside,
    );
  }
}

function detail(one, done) {
  const said = one.written ?? {};
  const lines = [
    ["house", [said.house, said.unit].filter(Boolean).join(" / ")],
    ["nameOf", said.name],
    ["phoneOf", said.phone],
    ["askedFor", said.text],
    ["identityNote", said.identity_note],
    ["reasonGiven", said.reason],
  ].filter(([, value]) => value);
  return [
    h("h3", { text: "writtenHere" }),
    h("dl", {}, lines.flatMap(([label, value]) => [h("dt", { text: label }), h("dd", {}, value)])),
    !one.known && h("p", { class: "hint", text: "notKnown" }),
    one.phone_fits !== null && one.known && h("p", { class: one.phone_fits ? "hint" : "error", text: one.phone_fits ? "phoneFits" : "phoneFitsNot" }),
    one.state === "waiting" && deciding(one, done),
    one.state === "accepted" && carryingOut(one, done),
    one.state === "done" && one.kind === "access" && h("p", { class: "buttons" }, action({ text: "copyHtml", class: "button primary", run: async () => hand(await ask("GET", `/v1/subject-requests/${one.request_id}/copy`, { query: { form: "html" }, raw: true }), "html") })),
    h("h3", { text: "history" }),
    h("ol", {}, one.steps.map((step) => h("li", {}, h("span", { text: `state_${step.state}` }), " · ", h("span", { text: () => moment(step.at) })))),
  ];
}

function whom(one, nobody) {
  const id = `person-${one.request_id}`;
  const names = one.persons.map(({ place, name, age }) => h("option", { value: place }, [name ?? `${place + 1}`, age].filter((each) => each !== null).join(" · ")));
  const choice = h("select", { id, name: "person" }, h("option", { value: "", text: nobody }), names);
  return h("div", { class: "field", "data-field": "person" }, h("label", { for: id, text: "whom" }), choice, h("p", { class: "error", hidden: true }));
}

function deciding(one, done) {
  const unproven = one.phone_fits === false;
  return form({
    parts: [
      one.kind === "erasure" && one.persons.length > 0 && whom(one, "wholeHousehold"),
      selectField({ name: "decision", label: "decision", options: [["accept", "accept"], ["refuse", "refuse"]] }),
      unproven && selectField({ name: "identity", label: "identity", options: CHECKS.map((each) => [each, `identity_${each}`]) }),
      unproven && field({ name: "identity_note", label: "identityNote", control: "textarea", required: false, maxlength: "1000" }),
      field({ name: "reason", label: "reasonFor", control: "textarea", maxlength: "1000" }),
    ],
    submit: "decide",
    send: async ({ person, identity, identity_note: note, ...values }) => {
      const more = { ...(person && { person: Number(person) }), ...(identity && { identity }), ...(note && { identity_note: note }) };
      await ask("POST", `/v1/subject-requests/${one.request_id}/decision`, { json: { ...values, ...more } });
      await done();
      notice("done", "good");
    },
  });
}

function carryingOut(one, done) {
  const execute = async (json) => {
    await ask("POST", `/v1/subject-requests/${one.request_id}/execution`, { json });
    await done();
    notice("done", "good");
  };
  if (one.kind === "erasure") {
    const parts = [h("p", { text: "eraseSure" }), one.place !== null && whom(one, "asDecided")];
    const send = ({ person }) => execute(person ? { person: Number(person) } : {});
    const sure = () => askInWindow({ title: "eraseTitle", parts, submit: "erase", send });
    return h("p", { class: "buttons" }, action({ text: "eraseNow", class: "button bad", run: sure }));
  }
  return form({
    parts: [field({ name: "submission_id", label: "linkIt", maxlength: "36" })],
    submit: "closeIt",
    send: (values) => execute(values),
  });
}
