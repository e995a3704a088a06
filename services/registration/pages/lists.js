// Lists of places: sent, looked at row by row, stored, and undone. The facilities service checks them in the background;
// the page asks how far it is.

import { ask } from "./api.js";
import { action, field, form, selectField, tick } from "./form.js";
import { begin, complain, fill, h, inLanguage, moment, notice, number, say, services } from "./page.js";

const ASK_EVERY_MS = 700;
const UPLOAD_MS = 300_000; // 30 MB over a slow net
const BUSY = ["waiting", "applying", "undoing"];
const RESULTS = ["new", "changed", "unchanged", "duplicate", "error", "ignored", "changed_meanwhile", "changed_since"];
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
    const { items } = await ask("GET", at(""));
    const download = (ending, text) => h("a", { class: "button", href: `${facilities}/v1/facilities.${ending}?area=${who.area}`, text: ["downloadList", { form: text }] });
    fill(
      view,
      h("section", { class: "card" }, h("p", { text: "listsLead" }), sending(), h("div", { class: "buttons" }, download("xlsx", "Excel"), download("csv", "CSV"))),
      h("h3", { text: "formerLists" }),
      items.length === 0
        ? h("p", { class: "empty", text: "noLists" })
        : h("ul", { class: "list" }, items.map((each) => h("li", {}, h("div", { class: "row" }, h("button", { type: "button", class: "link grow", on: { click: () => go(each.import_id).catch(complain) } }, each.name), h("span", { class: `tag ${TAGS[each.state] ?? "waiting"}`, text: stateOf(each) })), h("p", { class: "who", text: () => moment(each.sent_at) })))),
    );
  }

  function sending() {
    return form({
      parts: [field({ name: "file", label: "listFile", type: "file", accept: ".csv,.txt,.xlsx,.geojson,.json" })],
      submit: "checkList",
      send: async ({ file: [file] }) => {
        const sent = await ask("POST", at(""), { query: { name: file.name }, body: file, headers: { "Content-Type": "application/octet-stream" }, ms: UPLOAD_MS });
        await go(sent.import_id);
      },
    });
  }

  function stateOf({ state, row_count: rows }) {
    return state === "waiting" ? ["waitingList", { rows: () => number(rows) }] : `${state}List`;
  }

  // ---- one list ----

  async function one(id) {
    let found = await ask("GET", at(`/${id}`));
    while (BUSY.includes(found.state)) {
      fill(view, head(found), h("progress", { label: "checkList" }));
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
      if (new URLSearchParams(location.search).get("id") !== id) return;
      found = await ask("GET", at(`/${id}`));
    }
    await show(found);
  }

  function head(found) {
    return h(
      "section",
      { class: "card" },
      h("p", {}, h("a", { href: "/lists", text: "backToLists" })),
      h("div", { class: "row" }, h("h3", { class: "grow" }, found.name), h("span", { class: `tag ${TAGS[found.state] ?? "waiting"}`, text: stateOf(found), role: "status" })),
      found.message && h("p", { class: "form-error" }, found.message),
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
    const confirm = tick({ name: "confirm", label: ["confirmUnchanged", { count: () => number(unchanged) }], checked: stored === 0 });
    return h(
      "section",
      { class: "card" },
      unchanged > 0 && confirm,
      h("div", { class: "buttons" }, action({ text: ["storeList", { count: () => number(stored) }], class: "button primary", run: () => step(found, "application", { confirm: unchanged > 0 && confirm.querySelector("input").checked, partial: found.failure === "changed_meanwhile" || null }) })),
    );
  }

  async function step(found, what, query = {}) {
    await ask("POST", at(`/${found.import_id}/${what}`), { query });
    await one(found.import_id);
  }

  function row(each) {
    const said = [
      ...each.faults.map((fault) => h("p", { class: "error" }, [fault.cell, fault.column].filter(Boolean).join(" "), ": ", fault.message)),
      ...each.changes.map(({ field: name, before, after }) => h("p", { class: "said", text: () => say("beforeAfter", { field: say(`field_${name}`), before: text(before), after: text(after) }) })),
      each.result === "duplicate" && h("p", { class: "who", text: "sameAsPlace" }),
      ...each.notices.map((noted) => h("p", { class: "who" }, [noted.cell, noted.column].filter(Boolean).join(" "), ": ", noted.message)),
    ];
    return h("li", { "data-result": each.result, "data-row": each.number }, h("p", {}, h("span", { class: "tag", text: () => `${say("rowNumber")} ${number(each.number)}` }), " ", h("span", { class: "name" }, each.name ?? "")), said);
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
