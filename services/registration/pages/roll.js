// A roll of volunteers as a file: checked first, with its bad rows, and then stored whole or without them.

import { ask } from "./api.js";
import { fileToCheck } from "./file-check.js";
import { action, tick } from "./form.js";
import { fill, h, notice, number, say } from "./page.js";
import { presentNotice } from "./privacy-notice.js";
import { keep } from "./saving.js";

const SHOWN = 100; // bad cells; who has more mends these and checks again
const EXAMPLE = "\ufeffชื่อ-สกุล,เบอร์โทร,รหัสตำบล,เลขประจำตัวประชาชน\r\nสมหญิง ใจดี,0812345678,500101,\r\n";

/** Builds the form in `box`; `path` is the organisation's, `stored` is called when volunteers were added. */
export function rollForm(box, path, stored) {
  const { choosing, result } = fileToCheck(async (chosen) => {
    const checked = await send(chosen, { mode: "check" });
    const told = checked.good > 0 ? await presentNotice() : null;
    return [summary(checked), told && whatWasTold(told), buttons(checked, chosen, told), errors(checked)];
  });
  fill(box, h("h3", { text: "roll" }), h("p", { class: "hint", text: "rollExplained" }), action({ text: "exampleFile", class: "button quiet", run: () => keep(new Blob([EXAMPLE], { type: "text/csv" }), "jitasa.csv") }), choosing, result);

  function send(chosen, query) {
    return ask("POST", `${path}/volunteer-imports`, { query, body: chosen, headers: { "Content-Type": chosen.type || "text/csv" } });
  }

  function whatWasTold({ said, whole }) {
    return [tick({ name: "told", label: "noticeShownToAll" }), said, whole];
  }

  function buttons({ good, bad }, chosen, told) {
    if (good === 0) return null;
    const text = bad === 0 ? ["applyAll", { count: number(good) }] : ["applyGood", { count: number(good) }];
    const apply = async () => {
      const shown = document.getElementById("field-told").checked;
      const done = await send(chosen, { mode: "apply", partial: bad > 0, notice: shown ? told.version : null });
      choosing.reset();
      fill(result, summary(done), errors(done));
      await stored();
      notice(done.repeated ? "rollRepeated" : ["rollAdded", { added: number(done.added) }], done.repeated ? "bad" : "good");
    };
    return h("div", { class: "buttons" }, action({ text, class: "button primary", run: apply }));
  }
}

function summary({ rows, good, ignored_columns: ignored }) {
  return [
    h("p", {}, h("b", { text: () => say("rollGood", { good: number(good), rows: number(rows) }) })),
    ignored.length > 0 && h("p", { class: "hint", text: () => say("ignoredColumns", { names: ignored.join(", ") }) }),
  ];
}

function errors({ errors: found, bad, cursor }) {
  if (found.length === 0) return null;
  const shown = found.slice(0, SHOWN);
  const head = ["rowNumber", "column", "problem"].map((text) => h("th", { scope: "col", class: "words", text }));
  const rows = shown.map(({ row, column, message }) => h("tr", {}, h("th", { scope: "row" }, number(row)), h("td", { class: "words", text: `column_${column}` }), h("td", { class: "words" }, message)));
  const more = cursor !== null || found.length > shown.length;
  return [
    h("table", { class: "errors" }, h("caption", { text: () => say("rowErrors", { count: number(bad) }) }), h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)),
    more && h("p", { class: "hint", text: "moreExist" }),
  ];
}
