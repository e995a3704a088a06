// The phone's pages between the forms: home, whom to reach, and what became of everything. Each gives what `main` is to hold.

import { day, h, inLanguage, moment, number, say } from "../elements.js";
import { button } from "./controls.js";

const SHOWN = 100; // rows of a list at once

/** Home: the area, what is where, and the houses. */
export async function home({ session, forms, sync, lists, act }) {
  const all = await forms.all();
  const drafts = await Promise.all(all.filter(({ state }) => state === "draft").map((form) => forms.opened(form)));
  const waiting = all.filter(({ state }) => state !== "recorded" && state !== "draft");
  const here = new Set((await Promise.all(waiting.map((form) => forms.opened(form)))).map(({ answers }) => houseKey(answers)));
  const name = lists.areas.length === 1 ? lists.areas[0].name[inLanguage() === "en" ? 1 : 0] : session.who.area;
  const stateOf = (house) => (here.has(houseKey({ ...house, area: house.village?.slice(0, 6), moo: house.village?.slice(6) })) ? "here" : house.state);
  const done = lists.houses.filter((house) => ["done", "here"].includes(stateOf(house))).length;
  return [
    h("h2", { text: () => `${say("myArea")}: ${name}` }),
    ...(await statusParts(forms, sync, all, act)),
    ...drafts.map((form) => button(["continueDraft", { label: form.answers.label || "–" }], () => act.open(form), { kind: "wide draft" })),
    h(
      "section",
      {},
      h("h3", { text: "myHouses" }),
      lists.houses.length > 0 && h("p", { class: "soft", text: ["houseCount", { done: number(done), all: number(lists.houses.length) }] }),
      lists.houses.length > 0 && h("progress", { max: lists.houses.length, value: done, label: ["houseCount", { done, all: lists.houses.length }] }),
      lists.houses.length === 0
        ? h("p", { class: "empty", text: "noHouses" })
        : h("ul", { class: "houses" }, lists.houses.slice(0, SHOWN).map((house) => h("li", {}, h("button", { type: "button", class: "house", "data-state": stateOf(house), on: { click: () => act.survey(house) } }, h("b", { text: () => houseLabel(house) }), h("small", { text: `state_${stateOf(house)}` }))))),
    ),
    h("p", { class: "hint", text: lists.at === null ? "installHint" : ["listsAt", { at: () => moment(lists.at) }] }),
    h("div", { class: "buttons" }, button("refresh", act.refresh), button("lock", act.lock)),
  ];
}

/** Whom this volunteer has taken or was given, the most urgent first, as the service has sorted them. */
export function reach({ lists, act }) {
  return [
    h("h2", { text: "reachTitle" }),
    lists.reach.length === 0
      ? h("p", { class: "empty", text: "noReach" })
      : h(
          "ul",
          { class: "list" },
          lists.reach.slice(0, SHOWN).map((person) =>
            h(
              "li",
              { "data-late": person.late },
              h("p", { class: "name", text: () => [person.name || say("unknownAge"), person.age && say("years", { years: person.age })].filter(Boolean).join(", ") }),
              h("p", { class: "soft", text: () => person.address ?? "" }),
              person.due_at && h("p", { class: person.late ? "tag late" : "tag", text: person.late ? "late" : ["due", { day: () => day(person.due_at) }] }),
              h("div", { class: "buttons" }, person.phone && h("a", { class: "button", href: `tel:${person.phone}`, text: ["call", { phone: person.phone }] }), button("followUp", () => act.follow(person), { kind: "primary" })),
            ),
          ),
        ),
    button("refresh", act.refresh),
  ];
}

/** Every form, with what became of it. */
export async function records({ forms, sync, act }) {
  const all = await forms.all();
  const opened = await Promise.all(all.slice(0, SHOWN).map((form) => forms.opened(form)));
  opened.sort((one, other) => (other.state === "refused") - (one.state === "refused"));
  return [
    h("h2", { text: "recordsTitle" }),
    ...(await statusParts(forms, sync, all, act)),
    opened.length === 0
      ? h("p", { class: "empty", text: "noRecords" })
      : h("ul", { class: "list" }, opened.map((form) => h(
          "li",
          { "data-form": form.id, "data-state": form.state },
          h("div", { class: "row" }, h("span", { class: "grow name", text: () => form.answers.label || "–" }), h("span", { class: `tag ${{ recorded: "good", refused: "bad", draft: "late" }[form.state] ?? ""}`, text: `form_${form.state}` })),
          h("p", { class: "hint", text: () => moment(form.at) }),
          (form.errors ?? []).map(({ message }) => h("p", { class: "error", text: () => message })),
          [...(form.fate?.reasons ?? []), ...(form.fate?.flags ?? [])].map(({ message }) => h("p", { class: "hint", text: () => message })),
          form.clock && h("p", { class: "hint", text: "clockSetBack" }),
          form.state === "refused" && button("correct", () => act.correct(form), { kind: "primary" }),
          form.state === "draft" && button(["continueDraft", { label: form.answers.label || "–" }], () => act.open(form)),
        ))),
    h("div", { class: "buttons" }, button("export", act.exportForms), button("import", act.importForms)),
    h("h3", { text: "elsewhere" }),
    h("ul", { class: "links" }, [["/help-map", "helpMap"], ["/reach", "reachOnMap"], ["/odk", "odk"]].map(([href, text]) => h("li", {}, h("a", { href, text })))),
  ];
}

/** Where everything is, and whether it is being sent. */
async function statusParts(forms, sync, all, act) {
  const count = (...states) => all.filter(({ state }) => states.includes(state)).length;
  const waiting = count("finished");
  const state = sync.state === "idle" && waiting > 0 ? "waiting" : sync.state;
  const tile = (name, value, kind) => h("div", { class: "tile", "data-tile": name, "data-kind": value > 0 ? kind : null }, h("b", { text: () => number(value) }), h("span", { text: name }));
  return [
    h("div", { class: "tiles" }, tile("onPhone", waiting + count("draft"), "warn"), tile("sent", count("sent"), "soft"), tile("recorded", count("recorded") + (await forms.letGo()), "good"), tile("refused", count("refused"), "bad")),
    h("p", { class: "sync", role: "status", "data-state": state, text: [`sync_${state}`, { count: number(waiting) }] }),
    forms.unsaved.size > 0 && h("p", { class: "error form-error", role: "alert", text: "full" }),
    forms.unsaved.size > 0 && button("export", act.exportForms, { kind: "primary" }),
    sync.state === "signed_out" ? button("signIn", act.signIn, { kind: "primary wide" }) : waiting > 0 && sync.state !== "sending" && button("sendNow", () => sync.now(), { kind: "wide" }),
  ].filter(Boolean);
}

function houseLabel({ house, unit, village }) {
  return [house ?? "–", unit && `(${unit})`, village && `ม.${Number(village.slice(6))}`].filter(Boolean).join(" ");
}

function houseKey({ area, moo, house, unit }) {
  return [area, Number(moo ?? 0), house, unit ?? ""].join("|");
}
