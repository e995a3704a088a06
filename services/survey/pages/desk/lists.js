// The list of houses: from a file, checked first with its bad rows, and one house by itself.

import { ask, list } from "../api.js";
import { areaChoice, learnNames, placeName } from "../areas.js";
import { action, field, form } from "../form.js";
import { fill, h, moment, notice, number, say } from "../page.js";

const SHOWN = 100; // bad cells; who has more mends these and checks again
const EXAMPLE = "\ufeffรหัสตำบล,หมู่ที่,บ้านเลขที่,ห้อง\r\n500101,3,99/1,\r\n500101,3,100,2ก\r\n";
const ANSWER_MS = 60_000; // the largest list takes some seconds, behind another as long

/** Shows the ways in which houses come onto the list. */
export async function showLists(place, { area }) {
  const result = h("div", { role: "status" });
  const sent = h("section", { class: "card" });
  const file = field({ name: "file", label: "file", type: "file", accept: ".csv,.xlsx,text/csv" });
  const choosing = form({
    parts: [file],
    submit: "check",
    quiet: true,
    send: async ({ file: [chosen] }) => {
      const checked = await send(chosen, { mode: "check" });
      fill(result, summary(checked), buttons(checked, chosen), errors(checked));
    },
  });
  file.querySelector("input").addEventListener("change", () => fill(result));
  place.append(
    h(
      "div",
      { class: "grid two" },
      h("section", { class: "card", id: "file" }, h("h3", { text: "listFromFile" }), h("p", { class: "hint", text: area.length === 6 ? "listExplainedHere" : "listExplained" }), action({ text: "exampleFile", class: "button quiet", run: example }), choosing, result),
      single(area),
    ),
    sent,
  );
  await showSent();

  function send(chosen, query) {
    // A subdistrict's own list need not name it in each row.
    const within = area.length === 6 ? { area } : {};
    return ask("POST", "/v1/houses/imports", { query: { ...query, ...within }, body: chosen, headers: { "Content-Type": chosen.type || "text/csv" }, ms: ANSWER_MS });
  }

  function buttons({ good, bad }, chosen) {
    if (good === 0) return null;
    const text = bad === 0 ? ["storeAll", { count: () => number(good) }] : ["storeGood", { count: () => number(good) }];
    const apply = async () => {
      const done = await send(chosen, { mode: "apply", partial: bad > 0 });
      choosing.reset();
      fill(result);
      await showSent();
      notice(done.repeated ? "listRepeated" : () => say("listStored", { count: number(done.new) }), done.repeated ? "bad" : "good");
    };
    return h("div", { class: "buttons" }, action({ text, class: "button primary", run: apply }));
  }

  async function showSent() {
    const { entries } = await list("/v1/houses/imports", "imports", { most: 20 });
    await learnNames(entries.map((one) => one.area));
    const rows = entries.slice(0, 20).map((one) => h("li", {}, h("div", { class: "row" }, h("span", { class: "grow", text: () => moment(one.sent_at) }), h("span", { class: "who", text: placeName(one.area, 4) }), h("span", { text: () => say("importCounts", { added: number(one.added), known: number(one.known), bad: number(one.bad) }) }))));
    fill(sent, h("h3", { text: "listsSent" }), rows.length === 0 ? h("p", { class: "hint", text: "noLists" }) : h("ul", { class: "list" }, rows));
  }
}

function summary({ rows, good, new: fresh, ignored_columns: ignored }) {
  return [
    h("p", {}, h("b", { text: () => say("listGood", { good: number(good), rows: number(rows), fresh: number(fresh) }) })),
    ignored.length > 0 && h("p", { class: "hint", text: () => say("ignoredColumns", { names: ignored.join(", ") }) }),
  ];
}

function errors({ errors: found, bad }) {
  if (found.length === 0) return null;
  const head = ["rowNumber", "column", "problem"].map((text) => h("th", { scope: "col", class: "words", text }));
  const rows = found.slice(0, SHOWN).map(({ row, column, message }) => h("tr", {}, h("th", { scope: "row" }, number(row)), h("td", { class: "words", text: `column_${column}` }), h("td", { class: "words" }, message)));
  return [
    h("table", { class: "errors" }, h("caption", { text: () => say("rowErrors", { count: number(bad) }) }), h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
    found.length > SHOWN && h("p", { class: "hint", text: "moreErrors" }),
  ];
}

/** One house by itself. */
function single(area) {
  const where = area.length === 6 ? null : areaChoice({ inside: area });
  const made = form({
    parts: [
      where,
      field({ name: "village", label: "villageField", required: false, inputmode: "numeric", maxlength: "20" }),
      field({ name: "house", label: "houseNumber", maxlength: "60" }),
      field({ name: "unit", label: "unit", required: false, maxlength: "60" }),
    ].filter(Boolean),
    submit: "addHouse",
    quiet: true,
    send: async (values) => {
      const done = await ask("POST", "/v1/houses", { json: { area: values.area ?? area, village: values.village || null, house: values.house, unit: values.unit || null } });
      made.querySelector("[name=house]").value = "";
      notice(done.added ? () => say("houseAdded", { house: values.house }) : "houseKnown", done.added ? "good" : "bad");
    },
  });
  return h("section", { class: "card", id: "single" }, h("h3", { text: "oneHouse" }), made);
}

function example() {
  const address = URL.createObjectURL(new Blob([EXAMPLE], { type: "text/csv" }));
  h("a", { href: address, download: "houses.csv" }).click();
  URL.revokeObjectURL(address);
}
