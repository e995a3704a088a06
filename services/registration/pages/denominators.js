// The tables that percentages are of: houses, registered and actual residents. A list is looked at first and then put in;
// every table that ever was stays in the list below.

import { ask, list } from "./api.js";
import { action, askInWindow, field, form, selectField, tick } from "./form.js";
import { begin, complain, day, fill, h, inLanguage, moment, notice, number, say, services } from "./page.js";
import { keep } from "./saving.js";

const KINDS = ["houses", "population", "residents"];
const FIELDS = ["code", "name", "province", "district", "subdistrict", "value"];
const UPLOAD_MS = 60_000;
const SHOWN = 20; // differences at once

const dayOf = (text) => day(`${text}T05:00:00Z`);
const nameOf = (one) => () => `${one[`name_${inLanguage()}`]}${one.area === "" ? "" : ` (${one.area})`}`;

begin({ title: "denominators", signedIn: true, wide: true }, async (main) => {
  const { reporting } = await services();
  if (!reporting) return notice("serviceAway");
  const at = (path = "") => `${reporting}/v1/denominators${path}`;
  const report = h("div", { id: "report" });
  const former = h("ul", { class: "list" });
  const more = h("div", { class: "buttons" });
  const kinds = KINDS.map((kind) => [kind, `kind_${kind}`]);
  main.append(
    h("section", { class: "card" }, h("p", { text: "denominatorsLead" }), h("p", { class: "hint", text: "denominatorsColumns" }), form({
      parts: [
        selectField({ name: "kind", label: "kindOfTable", options: kinds }),
        field({ name: "dated", label: "dateOfTable", type: "date" }),
        field({ name: "source", label: "sourceOfTable", hint: "sourceHint", maxlength: "300" }),
        field({ name: "file", label: "listFile", type: "file", accept: ".csv,.txt,.xlsx" }),
      ],
      submit: "checkList",
      send: async ({ file: [file], ...asked }) => check(file, asked),
    })),
    report,
    h("h3", { text: "tablesSoFar" }),
    former,
    more,
  );
  await tables();

  // ---- a list that is looked at ----

  async function check(file, asked) {
    const found = await send(file, asked, "check");
    show(file, asked, found);
    report.querySelector("h3").focus();
  }

  function send(file, asked, mode, query = {}) {
    return ask("POST", at("/lists"), { query: { ...asked, mode, ...query }, body: file, headers: { "Content-Type": "application/octet-stream" }, ms: UPLOAD_MS });
  }

  function show(file, asked, found) {
    const good = found.fault_count === 0 && found.missing.length === 0 && found.rows > 0;
    fill(
      report,
      h(
        "section",
        { class: "card" },
        h("div", { class: "row" }, h("h3", { class: "grow", tabindex: "-1" }, file.name), h("span", { class: `tag ${good ? "good" : "bad"}`, role: "status", text: good ? "listIsGood" : "listHasFaults" })),
        h("p", { text: () => say("listRead", { rows: number(found.rows), ignored: number(found.ignored), faults: number(found.fault_count) }) }),
        found.missing.length > 0 && h("p", { class: "form-error", text: () => say("columnsMissing", { names: found.missing.map((name) => say(`listed_${name}`)).join(", ") }) }),
        faults(found),
        good && [levels(found), totals(found), sums(found), changes(found), apply(file, asked, found)].flat(),
      ),
      columns(file, asked, found),
    );
  }

  function faults({ faults: list, fault_count: count }) {
    if (list.length === 0) return null;
    return [h("ul", { class: "list", label: "listHasFaults" }, list.slice(0, SHOWN).map((fault) => h("li", {}, h("span", { class: "tag bad" }, fault.cell), ` ${fault.column}: ${fault.message}`))), count > SHOWN && h("p", { class: "hint", text: () => say("andMore", { count: number(count - SHOWN) }) })];
  }

  function table(caption, titles, rows) {
    return h("table", { class: "stack" }, h("caption", { text: caption }), h("thead", {}, h("tr", {}, titles.map((text) => h("th", { scope: "col", text })))), h("tbody", {}, rows.map(([first, ...others]) => h("tr", {}, h("th", { scope: "row", text: first }), others.map((text, index) => h("td", {}, h("span", { class: "narrow", text: titles[index + 1] }), h("span", { class: "grow", text })))))));
  }

  function levels({ levels: rows }) {
    return table("areasInList", ["level", "areasGiven", "areasSummed", "areasMissing"], rows.map((one) => [one.level, () => number(one.given), () => number(one.derived), () => number(one.missing)]));
  }

  /** The country's sum beside that of the table before. */
  function totals({ total, former: before }) {
    const change = before?.total && total !== null ? (total - before.total) / before.total : null;
    return [
      h("p", { class: "name", id: "total", text: () => (total === null ? say("totalUnknown") : say("totalIs", { total: number(total) })) }),
      before === null
        ? h("p", { class: "hint", text: "noTableBefore" })
        : h("p", { class: "hint", text: () => say("tableBefore", { source: before.source, day: dayOf(before.dated), total: before.total === null ? "–" : number(before.total), change: change === null ? "–" : `${change < 0 ? "−" : "+"}${number(Math.abs(Math.round(1000 * change) / 10))} %`, gone: number(before.gone) }) }),
    ];
  }

  function sums({ sums: rows, sum_count: count }) {
    if (count === 0) return h("p", { class: "standing", text: "sumsAgree" });
    return [table(["sumsDiffer", { count: () => number(count) }], ["area", "valueGiven", "sumBelow", "difference"], rows.slice(0, SHOWN).map((one) => [nameOf(one), () => number(one.value), () => number(one.below), () => number(one.value - one.below)])), count > SHOWN && h("p", { class: "hint", text: () => say("andMore", { count: number(count - SHOWN) }) })];
  }

  function changes({ changes: rows, change_count: count }) {
    if (count === 0) return null;
    return [table(["largeChanges", { count: () => number(count) }], ["area", "valueBefore", "valueNow"], rows.slice(0, SHOWN).map((one) => [nameOf(one), () => number(one.before), () => number(one.now)])), count > SHOWN && h("p", { class: "hint", text: () => say("andMore", { count: number(count - SHOWN) }) })];
  }

  function apply(file, asked, found) {
    const accept = tick({ name: "accept_sums", label: "acceptSums" });
    const store = async () => {
      await send(file, asked, "apply", { accept_sums: found.sum_count > 0 && accept.querySelector("input").checked });
      fill(report);
      notice("tableIsIn", "good");
      await tables();
    };
    return [found.sum_count > 0 && accept, h("div", { class: "buttons" }, action({ text: "putTableIn", class: "button primary", run: store }))];
  }

  function columns(file, asked, found) {
    const options = [["", "guessIt"], ...found.columns.map(({ letters, title }) => [letters, () => `${letters} ${title}`])];
    const selects = FIELDS.map((name) => {
      const select = selectField({ name: `listed_${name}`, label: `listed_${name}`, options, required: false, marked: false });
      select.querySelector("select").value = found.columns.find((column) => column.field === name)?.letters ?? "";
      return select;
    });
    const again = form({
      parts: [h("div", { class: "grid two" }, selects)],
      submit: "checkAgain",
      quiet: true,
      send: async (values) => check(file, { ...asked, ...Object.fromEntries(FIELDS.map((name) => [name, values[`listed_${name}`]])) }),
    });
    return h("details", { class: "card", open: found.missing.length > 0 }, h("summary", { text: "columnsOf" }), again);
  }

  // ---- tables so far ----

  async function tables() {
    fill(former);
    await next(null);
  }

  async function next(from) {
    const { entries, cursor } = await list(at(), "tables", { most: 1, cursor: from });
    former.append(...entries.map(entry));
    if (former.children.length === 0) former.append(h("li", { class: "empty", text: "noTables" }));
    fill(more, cursor !== null && action({ text: "moreRows", run: () => next(cursor) }));
  }

  function entry(one) {
    const inUse = one.ended_at === null;
    return h(
      "li",
      { "data-table": one.table_id },
      h("div", { class: "row" }, h("span", { class: "grow name", text: () => `${say(`kind_${one.kind}`)} · ${dayOf(one.dated)}` }), h("span", { class: `tag ${inUse ? "good" : ""}`, text: inUse ? "tableCounts" : ["tableEnded", { time: () => moment(one.ended_at) }] })),
      h("p", { class: "who" }, one.source),
      h("p", { class: "who", text: () => say("tableHas", { given: number(one.given), derived: number(one.derived), total: one.total === null ? "–" : number(one.total), time: moment(one.set_at) }) }),
      h("div", { class: "buttons" }, action({ text: "download", run: () => download(one) }), inUse && action({ text: "takeTableBack", class: "button bad", run: () => takeBack(one) })),
    );
  }

  async function download(one) {
    const file = await ask("GET", at(`/${one.table_id}/rows.csv`), { raw: true });
    keep(await file.blob(), `${one.kind}-${one.dated}.csv`);
  }

  function takeBack(one) {
    askInWindow({
      title: "takeTableBack",
      parts: [h("p", { text: () => say("takeBackAsked", { kind: say(`kind_${one.kind}`), day: dayOf(one.dated) }) })],
      submit: "takeTableBack",
      send: async () => {
        await ask("DELETE", at(`/${one.table_id}`));
        notice("tableTakenBack", "good");
        await tables().catch(complain);
      },
    });
  }
});
