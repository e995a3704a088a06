// Directives: read what the centre and the province say, take note by name, see who has not; and send one.

import { ask, list } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, tick } from "./form.js";
import { begin, fill, h, inLanguage, moment, notice, number, say, STAFF } from "./page.js";
import { save } from "./saving.js";

const SHOWN = 100;
const WRITERS = ["central_administrator", "province_administrator"];
const ADDRESSED = ["province_administrator", "district_coordinator", "subdistrict_coordinator", "volunteer", "place_officer"];

// A directive may have no English: then it is read in Thai, and said to be Thai.
const english = (one) => inLanguage() === "en" && one.title_en !== null;
const titleOf = (one) => () => (english(one) ? one.title_en : one.title_th);
const textOf = (one) => () => (english(one) ? one.text_en : one.text_th);

begin({ title: "directives", signedIn: true }, async (main, who) => {
  const staff = STAFF.includes(who.role);
  const writes = WRITERS.includes(who.role);
  const shown = h("ul", { class: "list", label: "directives" });
  let sent = false;
  const tabs = h(
    "div",
    { class: "tabs", role: "group", label: "show" },
    [false, true].map((each) =>
      h("button", {
        type: "button",
        class: "button",
        "aria-pressed": String(each === sent),
        text: each ? "directivesSent" : "directivesReceived",
        on: {
          click: ({ target }) => {
            sent = each;
            for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab === target));
            load().catch((error) => notice(() => error.message));
          },
        },
      }),
    ),
  );
  if (writes) main.append(h("div", { class: "buttons staff" }, action({ text: "newDirective", class: "button primary", run: write })), tabs);
  main.append(shown);
  await load();

  async function load() {
    const { entries, more } = await list("/v1/directives", "directives", { query: sent ? { sent: true } : {}, most: SHOWN });
    await learnNames(entries.flatMap(({ issuer, area }) => [issuer, area]));
    const open = (one) => one.addressed && one.acknowledged_at === null && one.withdrawn_at === null && one.replaced_by === null;
    const sorted = entries.toSorted((one, other) => open(other) - open(one));
    fill(shown, sorted.length > 0 ? sorted.map((one) => card(one, open(one))) : h("li", { class: "empty", text: "noDirectives" }), more && h("li", { class: "empty", text: "moreExist" }));
  }

  function card(one, open) {
    const path = `/v1/directives/${one.directive_id}`;
    const followed = h("div", {});
    const state = one.withdrawn_at ? "directiveWithdrawn" : one.replaced_by ? "directiveReplaced" : one.acknowledged_at ? "acknowledged" : one.overdue ? "overdue" : "toAcknowledge";
    return h(
      "li",
      { "data-directive": one.directive_id, "data-late": one.overdue },
      h(
        "p",
        { class: "row who" },
        (one.addressed || one.withdrawn_at || one.replaced_by) && h("span", { class: `tag ${state === "acknowledged" ? "good" : open ? "late" : ""}`, text: state }),
        h("span", { text: () => `${one.issuer === "" ? say("centre") : placeName(one.issuer)()} · ${one.reference} · ${moment(one.sent_at)}` }),
      ),
      h(
        "details",
        { open },
        h("summary", { text: titleOf(one) }),
        h("p", { class: "said", text: textOf(one) }),
        h("dl", {}, one.deadline && [h("dt", { text: "acknowledgeUntil" }), h("dd", { text: () => moment(one.deadline) })], h("dt", { text: "sentTo" }), h("dd", { text: () => `${one.roles.map((role) => say(role)).join(", ")} · ${placeName(one.area)()}` }), one.withdrawal_reason && [h("dt", { text: "reason" }), h("dd", {}, one.withdrawal_reason)]),
        one.files.length > 0 && h("div", { class: "buttons" }, one.files.map((file, index) => action({ text: ["attachedFile", { number: index + 1 }], run: () => save(`${path}/files/${file.file_id}`, `${one.reference} ${index + 1}`) }))),
        h(
          "div",
          { class: "buttons" },
          open && action({ text: "acknowledge", class: "button primary", run: () => acknowledge(path) }),
          staff && action({ text: "whoHasNot", run: () => follow(path, followed) }),
          writes && sent && !one.withdrawn_at && action({ text: "withdrawDirective", class: "button bad", run: () => withdraw(path) }),
        ),
        followed,
      ),
    );
  }

  async function acknowledge(path) {
    await ask("POST", `${path}/acknowledgement`);
    await load();
    notice("acknowledgedNow", "good");
  }

  /** Who has not taken note: numbers by area, and names where somebody could go and speak to them. */
  async function follow(path, box) {
    const [counts, missing] = await Promise.all([
      ask("GET", `${path}/acknowledgements`),
      who.area.length >= 4 ? list(`${path}/acknowledgements/missing`, "persons", { most: SHOWN }) : { entries: [], more: false },
    ]);
    await learnNames([...counts, ...missing.entries].map(({ area }) => area));
    const head = ["area", "persons", "acknowledged", "overdue"].map((text) => h("th", { scope: "col", text }));
    const rows = counts.map((one) => h("tr", {}, h("th", { scope: "row", text: placeName(one.area, Math.max(2, who.area.length)) }), ["persons", "acknowledged", "overdue"].map((key) => h("td", { text: () => number(one[key]) }))));
    const names = missing.entries.map((one) => h("li", { class: "row" }, h("span", { class: "grow" }, h("span", { class: "name" }, one.name ?? h("span", { text: "unreadable" })), h("span", { class: "who", text: () => `${say(one.role)} · ${placeName(one.area, 4)()}` }))));
    fill(
      box,
      rows.length > 0 ? h("table", {}, h("caption", { text: "acknowledgements" }), h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)) : h("p", { class: "hint", text: "nobodyConcerned" }),
      names.length > 0 && h("details", {}, h("summary", { text: ["notAcknowledged", { count: () => number(names.length) + (missing.more ? "+" : "") }] }), h("ul", { class: "list" }, names)),
    );
  }

  function withdraw(path) {
    askInWindow({
      title: "withdrawDirective",
      parts: [field({ name: "reason", label: "reason", control: "textarea" })],
      submit: "withdrawDirective",
      send: async (values) => {
        await ask("POST", `${path}/withdrawal`, { json: values });
        await load();
      },
    });
  }

  function write() {
    const below = ADDRESSED.slice(who.role === "central_administrator" ? 0 : 1);
    const area = areaChoice({ label: "sentTo", inside: who.area, whole: true });
    askInWindow({
      title: "newDirective",
      parts: [
        field({ name: "reference", label: "reference", hint: "referenceHint", maxlength: "200" }),
        field({ name: "title_th", label: "subjectThai", maxlength: "200" }),
        field({ name: "text_th", label: "textThai", control: "textarea" }),
        field({ name: "title_en", label: "subjectEnglish", required: false, maxlength: "200" }),
        field({ name: "text_en", label: "textEnglish", control: "textarea", required: false }),
        area,
        h("fieldset", { "data-field": "roles" }, h("legend", { text: "toWhom" }), below.map((role) => tick({ name: `role_${role}`, label: role, checked: true }))),
        field({ name: "deadline", label: "acknowledgeUntil", type: "datetime-local", required: false }),
        field({ name: "files", label: "attachedFiles", type: "file", accept: "application/pdf,image/png,image/jpeg,image/webp", multiple: true, required: false }),
      ],
      submit: "sendDirective",
      send: async (values) => {
        const { reference, title_th, text_th, title_en, text_en, deadline, files } = values;
        const uploaded = [];
        for (const file of files) {
          uploaded.push((await ask("POST", "/v1/directives/files", { body: file, headers: { "Content-Type": file.type } })).file_id);
        }
        const json = { reference, title_th, text_th, area: values.area, roles: below.filter((role) => values[`role_${role}`]), files: uploaded };
        await ask("POST", "/v1/directives", { json: { ...json, ...(title_en && { title_en }), ...(text_en && { text_en }), ...(deadline && { deadline: `${deadline}:00+07:00` }) } });
        sent = true;
        for (const [index, tab] of [...tabs.children].entries()) tab.setAttribute("aria-pressed", String(index === 1));
        await load();
        notice("directiveSent", "good");
      },
    });
  }
});
