// Lists of places: sent, looked at row by row, stored, and undone. The facilities service checks them in the background;
// the page asks how far it is.

import { ask, list } from "./api.js";
import { authorName } from "./authors.js";
import { action, field, form, selectField, tick } from "./form.js";
import { begin, complain, fill, h, inLanguage, moment, notice, number, say, services, speak } from "./page.js";

const ASK_EVERY_MS = 700;
const UPLOAD_MS = 300_000; // 30 MB over a slow net
const BUSY = ["waiting", "applying", "undoing"];
const RESULTS = ["new", "changed", "unchanged", "duplicate", "error", "ignored", "changed_meanwhile", "changed_since"];
const REMEDIES = { code_in_use: "codeInUseNext", other_organisation: "otherOrganisationNext", changed_meanwhile: "changedMeanwhileNext", changed_since: "changedSinceNext", duplicate: "sameAsPlace" };
const MISSING = ["columns_missing", "missing_column"];
const MEGABYTE = 1024 * 1024;
const TAGS = { checked: "waiting", applied: "good", failed: "bad", undone: "" };

begin({ title: "lists", signedIn: true, wide: true }, async (main, who) => {
  const { facilities } = await services();
  if (!facilities) return notice("serviceAway");
  const kinds = await ask("GET", `${facilities}/v1/facility-kinds`);
  const at = (path) => `${facilities}/v1/imports${path}`;
  const view = h("div", {});
  main.append(view);
  window.addEventListener("popstate", () => open().catch(complain));
  await open();

  function open() {
    const id = new URLSearchParams(location.search).get("id");
    return id ? one(id) : overview();
  }

  function go(id) {
    history.pushState(null, "", id ? `/lists?id=${encodeURIComponent(id)}` : "/lists");
    return open();
  }

  // ---- sending, and what was sent ----

  async function overview() {
    const former = h("ul", { class: "list" });
    const more = h("div", { class: "buttons" });
    const download = (ending, text) => h("a", { class: "button", href: `${facilities}/v1/facilities.${ending}?area=${who.area}`, text: ["downloadList", { form: text }] });
    fill(
      view,
      h("section", { class: "card" }, h("p", { text: "listsLead" }), sending(), h("div", { class: "buttons" }, download("xlsx", "Excel"), download("csv", "CSV"))),
      h("h3", { text: "formerLists" }),
      former,
      more,
    );
    await next(null);

    async function next(from) {
      const { entries, cursor } = await list(at(""), "items", { most: 1, cursor: from });
      former.append(...present(entries));
      if (former.children.length === 0) former.append(h("li", { class: "empty", text: "noLists" }));
      fill(more, cursor !== null && action({ text: "moreRows", run: () => next(cursor) }));
    }
  }

  function present(sent) {
    return sent.map((each) => h("li", {}, h("div", { class: "row" }, h("button", { type: "button", class: "link grow", on: { click: () => go(each.import_id).catch(complain) } }, each.name), h("span", { class: `tag ${TAGS[each.state] ?? "waiting"}`, text: stateOf(each) })), h("p", { class: "who", text: () => sentBy(each) })));
  }

  function sentBy(each) {
    return say("sentBy", { who: authorName({ subject: each.sent_by }, who), time: moment(each.sent_at) });
  }

  function sending() {
    const bar = h("progress", { max: "1", value: "0", label: "sendingList" });
    const told = h("p", { class: "hint", role: "status" });
    const progress = h("div", { id: "sending", hidden: true }, bar, told);
    const show = (sent, all) => {
      progress.hidden = false;
      bar.value = sent / Math.max(all, 1);
      const words = () => (sent < all ? say("sentSoFar", { percent: number(Math.floor((100 * sent) / all)), size: size(all) }) : say("sentWhole"));
      if (told.textContent !== words()) speak(told, { text: words });
    };
    return form({
      parts: [field({ name: "file", label: "listFile", type: "file", accept: ".csv,.txt,.xlsx,.geojson,.json" }), progress],
      submit: "checkList",
      send: async ({ file: [file] }) => {
        try {
          show(0, file.size);
          const sent = await ask("POST", at(""), { query: { name: file.name }, body: file, headers: { "Content-Type": "application/octet-stream" }, ms: UPLOAD_MS, sending: show });
          await go(sent.import_id);
        } finally {
          progress.hidden = true;
        }
      },
    });
  }

  function size(bytes) {
    return bytes < MEGABYTE ? say("kilobytes", { count: number(Math.ceil(bytes / 1024)) }) : say("megabytes", { count: number(Math.round((10 * bytes) / MEGABYTE) / 10) });
  }

  function stateOf({ state, row_count: rows, counts }) {
    if (state === "waiting") return rows > 0 ? ["waitingList", { rows: () => number(rows) }] : "queuedList";
    return state === "applying" ? ["applyingList", { count: () => number((counts.new ?? 0) + (counts.changed ?? 0)) }] : `${state}List`;
  }

  // ---- one list ----

  async function one(id) {
    let found = await ask("GET", at(`/${id}`));
    const state = h("span", { class: "tag waiting", role: "status" });
    if (BUSY.includes(found.state)) fill(view, head(found, state), h("progress", { label: stateOf(found) }));
    while (BUSY.includes(found.state)) {
      speak(state, { text: stateOf(found) });
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      if (new URLSearchParams(location.search).get("id") !== id) return;
      found = await ask("GET", at(`/${id}`));
    }
    await show(found);
  }

  function head(found, state = h("span", { class: `tag ${TAGS[found.state] ?? "waiting"}`, text: stateOf(found), role: "status" })) {
    const missing = MISSING.includes(found.failure) ? (found.guess?.missing ?? []) : [];
    return h(
      "section",
      { class: "card" },
      h("p", {}, h("a", { href: "/lists", text: "backToLists" })),
      h("div", { class: "row" }, h("h3", { class: "grow" }, found.name), state),
      h("p", { class: "who", text: () => `${sentBy(found)} · ${say("stepAskedBy", { who: authorName({ subject: found.asked_by }, who) })}` }),
      found.message && h("p", { class: "form-error" }, found.message),
      missing.length > 0 && h("p", { class: "missing", text: ["columnsMissing", { names: () => missing.map((name) => say(`field_${name}`)).join(", ") }] }),
    );
  }

  async function show(found) {
    const rows = h("div", {});
    const results = RESULTS.filter((result) => found.counts[result] > 0);
    const first = ["error", "duplicate", "changed", "new"].find((result) => results.includes(result)) ?? results[0];
    const tabs = h("div", { class: "tabs", role: "group" }, results.map((result) => h("button", { type: "button", class: "button", "data-result": result, text: () => `${say(`${result}Rows`)} ${number(found.counts[result])}`, on: { click: () => choose(result).catch(complain) } })));
    fill(view, head(found), steps(found), tabs, rows, columns(found));
    if (first) await choose(first);

    async function choose(result) {
      for (const button of tabs.children) button.setAttribute("aria-pressed", String(button.dataset.result === result));
      const list = h("ul", { class: "list", label: `${result}Rows` });
      const more = h("div", { class: "buttons" });
      fill(rows, list, more);
      await next(0);

      async function next(after) {
        const { items, after: further } = await ask("GET", at(`/${found.import_id}/rows`), { query: { result, after } });
        list.append(...items.map(row));
        fill(more, further !== null && action({ text: "moreRows", run: () => next(further) }));
      }
    }
  }

  function steps(found) {
    const stored = (found.counts.new ?? 0) + (found.counts.changed ?? 0);
    const unchanged = found.counts.unchanged ?? 0;
    if (found.state === "applied") return h("section", { class: "card" }, action({ text: "undoList", class: "button bad", run: () => step(found, "undo") }));
    if (found.state !== "checked" || found.failure === "columns_missing" || stored + unchanged === 0) return null;
    const partial = found.failure === "changed_meanwhile";
    const confirm = tick({ name: "confirm", label: ["confirmUnchanged", { count: () => number(unchanged) }], checked: stored === 0 });
    return h(
      "section",
      { class: "card" },
      unchanged > 0 && confirm,
      h("div", { class: "buttons" }, action({ text: [partial ? "storeOthers" : "storeList", { count: () => number(stored) }], class: "button primary", run: () => step(found, "application", { confirm: unchanged > 0 && confirm.querySelector("input").checked, partial: partial || null }) })),
    );
  }

  async function step(found, what, query = {}) {
    await ask("POST", at(`/${found.import_id}/${what}`), { query });
    await one(found.import_id);
  }

  function row(each) {
    const said = [
      ...each.faults.map((fault) => h("p", { class: "error" }, about(each, fault), fault.message)),
      ...each.faults.map(({ code }) => REMEDIES[code] && h("p", { class: "who", text: REMEDIES[code] })),
      REMEDIES[each.result] && h("p", { class: "who", text: REMEDIES[each.result] }),
      ...each.changes.map(({ field: name, before, after }) => h("p", { class: "said", text: () => say("beforeAfter", { field: say(`field_${name}`), before: text(before), after: text(after) }) })),
      ...each.notices.map((noted) => h("p", { class: "who" }, about(each, noted), noted.message)),
      leadsTo(each) && h("p", {}, h("a", { href: `/place?id=${leadsTo(each)}`, text: "seePlace" })),
    ];
    return h("li", { "data-result": each.result, "data-row": each.number }, h("p", {}, h("span", { class: "tag", text: () => `${say("rowNumber")} ${number(each.number)}` }), " ", h("span", { class: "name" }, each.name ?? "")), said);
  }

  /** The place in the register that a row is about; what would be new is not there yet. */
  function leadsTo({ result, facility_id: id, duplicate_of: other }) {
    return result === "duplicate" ? other : result === "new" ? null : id;
  }

  /** Of which cell something is said. What is said of the row as a whole needs no more than its number, which is there. */
  function about(each, { cell, column }) {
    const told = [cell !== String(each.number) && cell, column].filter(Boolean).join(" ");
    return told && `${told}: `;
  }

  function text(value) {
    if (value === null || value === undefined || value === "" || value.length === 0) return say("nothingHere");
    if (Array.isArray(value)) return value.map(text).join("; ");
    if (typeof value !== "object") return String(value);
    return Object.values(value).filter((part) => part !== null && part !== "").map((part) => (Array.isArray(part) ? part.join(",") : text(part))).join(" ") || say("nothingHere");
  }

  // ---- what the columns hold ----

  function columns(found) {
    if (!found.guess || found.state !== "checked") return null;
    const held = new Map(Object.entries(found.columns.places).map(([name, column]) => [column, name]));
    const names = [["", "notRead"], ...FIELDS.map((name) => [name, `field_${name}`])];
    const selects = found.guess.columns.map(({ column, letters, title }) => {
      const select = selectField({ name: `column-${column}`, label: () => `${letters} ${title}`, options: names, required: false, marked: false });
      select.querySelector("select").value = held.get(column) ?? "";
      return select;
    });
    const kind = selectField({ name: "kind", label: "kindForAll", options: [["", "notRead"], ...kinds.map((each) => [each.kind, () => each[inLanguage()]])], required: false });
    kind.querySelector("select").value = found.columns.defaults.kind ?? "";
    return h(
      "details",
      { class: "card", open: found.failure === "columns_missing" },
      h("summary", { text: "columnsOf" }),
      h("p", { class: "hint", text: "columnsHint" }),
      form({
        parts: [h("div", { class: "grid two" }, selects), kind],
        submit: "checkAgain",
        quiet: true,
        send: async (values) => {
          const places = Object.fromEntries(found.guess.columns.filter(({ column }) => values[`column-${column}`]).map(({ column }) => [values[`column-${column}`], column]));
          const { kind: _, ...others } = found.columns.defaults;
          const defaults = values.kind ? { ...others, kind: values.kind } : others;
          await ask("PUT", at(`/${found.import_id}/columns`), { json: { places, defaults } });
          await one(found.import_id);
        },
      }),
    );
  }
});

const FIELDS = ["name", "kind", "area", "subdistrict", "district", "province", "official_code", "position", "latitude", "longitude", "easting", "northing", "zone", "status", "capacity", "free", "lanes_per_hour", "vaccines", "access", "hours", "days", "opens", "closes", "hours_note", "holidays", "closed_on", "services", "phone", "email", "website", "as_of", "facility_id", "revision", "organisation_id"];
