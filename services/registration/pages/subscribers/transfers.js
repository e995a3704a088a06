// Who received what, when, of which area: the transfer log with its filter and its file; and who could read from Kafka itself.

import { ask } from "../api.js";
import { areaChoice, learnNames, placeName } from "../areas.js";
import { action, field, form, selectField } from "../form.js";
import { fill, h, say } from "../page.js";
import { keep } from "../saving.js";
import { count, stream, STREAMS, streamsOf, table, when } from "./parts.js";

const SHOWN = 50;
const DAY_MS = 86_400_000;
const FILE_MS = 60_000;

/** accounts: by their ids, where the reader may know their names. */
export async function transfersView(main, who, reporting, accounts) {
  const rows = h("div", { id: "transfers" });
  const more = h("div", { class: "buttons" });
  const kafka = h("section", { class: "card", id: "grants" });
  const area = areaChoice({ inside: who.area, whole: true });
  const names = [...accounts.values()].filter(({ role }) => role === "external_system").map((each) => [each.client_id, () => each.name]);
  let query = {};
  const filter = form({
    parts: [
      who.area.length < 6 && area,
      names.length > 0 ? selectField({ name: "subscriber", label: "subscriber", options: [["", "everySubscriber"], ...names], required: false, marked: false }) : field({ name: "subscriber", label: "account", required: false, maxlength: "36", spellcheck: "false" }),
      selectField({ name: "stream", label: "streamOf", options: [["", "everyStream"], ...STREAMS.map((each) => [each, `stream_${each}`])], required: false, marked: false }),
      field({ name: "from", label: "firstDay", type: "date", required: false, marked: false }),
      field({ name: "to", label: "lastDay", type: "date", required: false, marked: false }),
    ],
    submit: "search",
    quiet: true,
    send: async (values) => {
      query = { area: values.area || null, subscriber: values.subscriber, stream: values.stream, from: values.from && `${values.from}T00:00:00+07:00`, to: values.to && `${dayAfter(values.to)}T00:00:00+07:00` };
      await first();
    },
  });
  filter.classList.add("filters");
  main.append(
    h("section", { class: "card" }, h("h3", { text: "transferLog" }), h("p", { class: "hint", text: "transferLogMeans" }), filter, rows, more, h("div", { class: "buttons" }, action({ text: ["downloadAs", { form: "CSV" }], run: download }))),
    kafka,
  );
  await Promise.all([first(), grants()]);

  async function first() {
    fill(rows);
    await next(null, []);
  }

  async function next(cursor, before) {
    const found = await ask("GET", `${reporting}/v1/transfers`, { query: { ...query, cursor, limit: SHOWN } });
    await learnNames(found.transfers.map((each) => each.area));
    const all = [...before, ...found.transfers];
    fill(rows, all.length > 0 ? table("newestFirst", ["sentAt", "subscriber", "streamOf", "area", "eventsOf", "formOf"], all.map(row)) : h("p", { class: "empty", text: "noTransfers" }));
    fill(more, found.cursor !== null && action({ text: "moreRows", run: () => next(found.cursor, all) }));
  }

  function row(each) {
    return [h("span", { text: when(each.ended_at) }), nameOf(each.subscriber, each.role), stream(each.stream), h("span", { text: placeName(each.area) }), h("b", { class: "numbers", text: count(each.events) }), h("span", { text: `form_${each.form}` })];
  }

  function nameOf(account, role) {
    const known = accounts.get(account)?.name;
    return known ? h("span", { class: "name" }, known) : [h("span", { class: "code" }, account), role && h("span", { class: "detail", text: role })];
  }

  async function download() {
    const file = await ask("GET", `${reporting}/v1/transfers.csv`, { query, raw: true, ms: FILE_MS });
    keep(await file.blob(), "jitasa-transfers.csv");
  }

  async function grants() {
    const { grants: found } = await ask("GET", `${reporting}/v1/transfers/grants`);
    const lines = found.map((each) => [
      h("span", { class: "name" }, accounts.get(each.client_id)?.name ?? each.name),
      streamsOf(each.streams),
      h("span", { text: when(each.since) }),
      h("span", { text: () => (each.until === null ? say("stillMay") : when(each.until)()) }),
    ]);
    fill(kafka, h("h3", { text: "couldReadKafka" }), h("p", { class: "hint", text: "couldReadKafkaMeans" }), lines.length > 0 ? table("wholeCountry", ["subscriber", "mayRead", "maySince", "mayUntil"], lines) : h("p", { class: "empty", text: "nobodyInKafka" }));
  }
}

const dayAfter = (text) => new Date(Date.parse(text) + DAY_MS).toISOString().slice(0, 10);
