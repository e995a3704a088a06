// Areas with no or few results: who needs somebody most, when it will be done, whether coordinators are there and at work;
// as a list to download, and with a directive to those that are chosen.

import { ask } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, selectField, tick } from "./form.js";
import { begin, complain, day, fill, h, inLanguage, moment, notice, number, say, services } from "./page.js";
import { keep } from "./saving.js";

const SHOWN = 100; // rows at once; further ones when they are asked for
const REFRESH_MS = 60_000;
const STALE_MS = 120_000; // results are copied every 20 seconds
const MOST_CHOSEN = 50; // directives are sent one by one
const DAY_MS = 86_400_000;
const LEVELS = { province: 2, district: 4, subdistrict: 6 };
const LEVEL_WORDS = { province: "byProvince", district: "byDistrict", subdistrict: "bySubdistrict" };
const PERIODS = ["7", "14", "30", "own"];
const SORTS = ["rank", "surveyed", "days_since", "trend", "share", "forecast", "area"];
const WRITERS = ["central_administrator", "province_administrator"];
const ADDRESSED = ["province_administrator", "district_coordinator", "subdistrict_coordinator", "volunteer", "place_officer"];
const STATE_TAGS = { never: "none", none: "inactive", some: "", complete: "good" };

const percent = (part) => `${new Intl.NumberFormat(inLanguage() === "th" ? "th-TH" : "en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(100 * part)} %`;
const today = () => new Date(Date.now() + 7 * 3_600_000).toISOString().slice(0, 10); // Thailand has no daylight saving
const before = (text, days) => new Date(Date.parse(text) - days * DAY_MS).toISOString().slice(0, 10);
const dayOf = (text) => day(`${text}T05:00:00Z`);

begin({ title: "monitor", signedIn: true, wide: true }, async (main, who) => {
  const { reporting } = await services();
  if (!reporting) return notice("serviceAway");
  const wanted = readWanted(who);
  const chosen = new Set();
  let found = null;
  let activity = new Map();
  let asked = 0;
  let shown = SHOWN;

  const answer = h("div", { id: "answer" });
  const bar = h("div", { class: "chosen buttons", hidden: true });
  const area = areaChoice({ inside: who.area, whole: true, depth: 4, changed: () => go({ area: area.value }) });
  const tabs = h("div", { class: "tabs whole", role: "group", label: "level" });
  const period = selectField({ name: "period", label: "period", options: PERIODS.map((each) => [each, each === "own" ? "ownPeriod" : ["lastDays", { count: each }]]), required: false, marked: false });
  const from = field({ name: "from", label: "firstDay", type: "date", required: false, marked: false });
  const to = field({ name: "to", label: "lastDay", type: "date", required: false, marked: false });
  const few = field({ name: "at_most", label: "atMost", hint: "atMostHint", type: "number", min: "0", step: "1", required: false, marked: false });
  const sort = selectField({ name: "sort", label: "sortedBy", options: SORTS.map((each) => [each, `sort_${each}`]), required: false, marked: false });
  const control = (box) => box.querySelector("input, select");

  main.append(
    h("p", { class: "soft", text: "monitorLead" }),
    h("section", { class: "card filters" }, who.area.length < 4 && h("div", { class: "whole" }, area.element), tabs, period, from, to, few, sort),
    answer,
    bar,
  );
  control(period).addEventListener("change", ({ target }) => go({ period: target.value, from: before(today(), 6), to: today() }));
  for (const [name, box] of [["from", from], ["to", to], ["at_most", few]]) control(box).addEventListener("change", ({ target }) => go({ [name]: target.value }));
  control(sort).addEventListener("change", ({ target }) => {
    wanted.sort = target.value;
    remember();
    show();
  });
  await area.ready;
  if (wanted.area.length > who.area.length) await area.set(wanted.area);
  await go({});
  setInterval(refresh, REFRESH_MS);

  // ---- what is asked for ----

  async function go(change) {
    Object.assign(wanted, change);
    const levels = Object.keys(LEVELS).filter((each) => LEVELS[each] > wanted.area.length || (wanted.area.length === 6 && each === "subdistrict"));
    if (!levels.includes(wanted.level)) wanted.level = levels[0];
    fill(tabs, levels.map((each) => h("button", { type: "button", class: "button", text: LEVEL_WORDS[each], "aria-pressed": String(each === wanted.level), on: { click: () => go({ level: each }) } })));
    for (const [box, value] of [[period, wanted.period], [from, wanted.from], [to, wanted.to], [few, wanted.at_most], [sort, wanted.sort]]) control(box).value = value;
    from.hidden = to.hidden = wanted.period !== "own";
    chosen.clear();
    shown = SHOWN;
    remember();
    notice();
    await load().catch(complain);
  }

  /** Asks again; where that fails, what is shown says how old it is, and the next time it may work. */
  async function refresh() {
    if (document.visibilityState !== "visible" || document.querySelector("dialog") !== null) return;
    await load().catch(() => document.getElementById("as-of")?.replaceWith(asOf()));
  }

  function remember() {
    const kept = { area: wanted.area, level: wanted.level, period: wanted.period, at_most: wanted.at_most, sort: wanted.sort, ...(wanted.period === "own" && { from: wanted.from, to: wanted.to }) };
    history.replaceState(null, "", `?${new URLSearchParams(Object.entries(kept).filter(([, value]) => value !== ""))}`);
  }

  function query() {
    const days = wanted.period === "own" ? { from: wanted.from, to: wanted.to } : { from: before(today(), Number(wanted.period) - 1), to: today() };
    return { area: wanted.area, level: wanted.level, at_most: wanted.at_most, ...days };
  }

  async function load() {
    const turn = ++asked;
    const { area: inside, ...others } = query();
    // The whole country is an empty code, which `ask` would leave out: it is then the reader's own area, which it is.
    const [results, coordinators] = await Promise.all([
      ask("GET", `${reporting}/v1/monitor`, { query: { ...others, area: inside } }),
      coverage(inside, wanted.level).catch(() => new Map()), // without it the rest is worth reading
    ]);
    await learnNames([inside, ...results.rows.slice(0, 1).map((row) => row.area)]);
    if (turn !== asked) return; // something else was asked for meanwhile
    [found, activity] = [results, coordinators];
    show();
  }

  /** Whether coordinators are there and at work, by area; of a province, of how many of its districts. */
  async function coverage(inside, level) {
    const path = "/v1/coordinators/coverage";
    const known = new Map();
    if (level === "province") {
      for (const row of (await ask("GET", path, { query: { area: inside, level: "district" } })).provinces) known.set(row.area, row);
      return known;
    }
    if (level === "subdistrict" && inside === "") return known; // 7,436 of them: a province is chosen first
    let cursor = null;
    do {
      const page = await ask("GET", path, { query: { area: inside, level, state: "all", cursor } });
      for (const row of page.rows) known.set(row.area, row);
      cursor = page.cursor;
    } while (cursor !== null);
    return known;
  }

  // ---- what is shown ----

  function show() {
    const rows = sorted(found.rows);
    const beyond = rows.some((row) => row.progress.ratio > 1);
    fill(answer, summary(), rows.length > 0 ? table(rows.slice(0, shown)) : h("p", { class: "empty", text: "nothingNeedsIt" }), beyond && whyBeyond(rows), further(rows));
    showChosen();
  }

  function summary() {
    const counts = found.summary;
    const states = [["never", "none"], ["none", "inactive"], ["few", "late"], ["some", ""], ["complete", "good"]].filter(([state]) => counts[state] > 0 || state === "never");
    return h(
      "section",
      { class: "card" },
      h("h3", { tabindex: "-1", text: () => say("monitorOf", { area: placeName(found.area)(), first: dayOf(found.period.first), last: dayOf(found.period.last) }) }),
      h("ul", { class: "counts" }, states.map(([state, kind]) => h("li", {}, h("span", { class: "row" }, h("b", { class: "count", "data-count": state, text: () => number(counts[state]) }), h("span", { class: `tag ${kind}`, text: `result_${state}` }))))),
      h("p", { class: "hint", text: () => say("surveyedInAll", { count: number(counts.surveyed), areas: number(counts.areas) }) }),
      asOf(),
      h("div", { class: "buttons" }, ["xlsx", "csv"].map((ending) => action({ text: ["downloadAs", { form: ending.toUpperCase() }], run: () => download(ending) })), h("a", { class: "button", href: `${reporting}/?area=${found.area.slice(0, 4)}&measure=progress`, text: "liveMap" })),
    );
  }

  /** How new it is, and when it is old, that it is. */
  function asOf() {
    const stream = Object.entries(found.as_of).find(([name]) => name.startsWith("survey-submitted"))?.[1];
    const late = found.refreshed_at === null || Date.now() - Date.parse(found.refreshed_at) > STALE_MS || stream?.lag > 0;
    return h("p", { class: "hint", id: "as-of" }, late && h("span", { class: "tag late", text: stream?.lag > 0 ? ["recordsWait", { count: () => number(stream.lag) }] : "notRefreshed" }), " ", h("span", { text: () => (found.refreshed_at === null ? say("neverRefreshed") : say("asOfTime", { time: moment(found.refreshed_at), newest: stream?.time ? moment(stream.time) : "–" })) }));
  }

  function table(rows) {
    const writes = WRITERS.includes(who.role);
    const head = ["area", "surveyed", "lastResult", "trendOfWeek", "progress", "forecast", "coordinators"];
    return h(
      "section",
      { class: "card" },
      h("table", { class: "stack" }, h("caption", { text: LEVEL_WORDS[found.level] }), h("thead", {}, h("tr", {}, writes && h("td", {}), head.map((text) => h("th", { scope: "col", text })))), h("tbody", {}, rows.map((row) => line(row, writes)))),
    );
  }

  function line(row, writes) {
    const name = () => row[`name_${inLanguage()}`];
    const opens = row.area.length < 6;
    const box = writes && h("input", { type: "checkbox", label: () => say("chooseOne", { area: name() }), checked: chosen.has(row.area), on: { change: ({ target }) => choose(row.area, target) } });
    const cell = (label, ...children) => h("td", {}, h("span", { class: "narrow", text: label }), h("span", { class: "grow" }, children.flat()));
    return h(
      "tr",
      { "data-area": row.area },
      writes && h("td", { class: "tick-cell" }, box),
      h("th", { scope: "row" }, h("span", { class: "rank", text: () => number(row.rank) }), opens ? h("button", { type: "button", class: "link", text: name, on: { click: () => open(row.area) } }) : h("span", { class: "name", text: name }), h("span", { class: "detail" }, h("span", { class: `tag ${STATE_TAGS[row.state]}`, text: `result_${row.state}` }))),
      cell("surveyed", h("b", { class: "numbers", text: () => number(row.surveyed) }), row.revisits !== 0 && h("span", { class: "detail", text: () => say("ofThemAgain", { count: number(row.revisits) }) })),
      cell("lastResult", h("span", { text: () => (row.days_since === null ? say("neverAny") : row.days_since === 0 ? say("todayIs") : say("daysAgo", { count: number(row.days_since) })) }), row.last_day && h("span", { class: "detail", text: () => dayOf(row.last_day) })),
      cell("trendOfWeek", h("span", { text: () => trendOf(row) }), h("span", { class: "detail", text: () => say("weekAndBefore", { week: number(row.week), before: number(row.week_before) }) })),
      cell("progress", share(row)),
      cell("forecast", h("span", { text: () => (row.forecast.state === "expected" ? dayOf(row.forecast.day) : say(`forecast_${row.forecast.state}`)) }), row.pace > 0 && h("span", { class: "detail", text: () => say("perDay", { count: number(Math.round(10 * row.pace) / 10) }) })),
      cell("coordinators", coordinators(row)),
    );
  }

  function share({ progress }) {
    if (progress.ratio === null) return [h("span", { text: () => say("housesUnknown", { count: number(progress.numerator ?? 0) }) })];
    return [
      h("b", { class: "numbers", text: () => percent(progress.ratio) }),
      progress.ratio > 1 && " ",
      progress.ratio > 1 && h("span", { class: "tag late", text: "beyondAll" }),
      h("span", { class: "detail", text: () => say("partOfHouses", { part: number(progress.numerator), whole: number(progress.denominator) }) }),
      h("progress", { class: "share", max: "1", value: String(Math.min(progress.ratio, 1)), "aria-hidden": "true" }),
    ];
  }

  function coordinators({ area: code, coordinators: counts }) {
    const known = activity.get(code);
    const registered = h("span", { class: "detail", text: () => say(counts.suspended > 0 ? "coordinatorsSuspended" : "coordinatorCount", { count: number(counts.approved ?? 0), suspended: number(counts.suspended ?? 0) }) });
    if (known === undefined) return [registered];
    if (known.state === undefined) return [h("span", { class: `tag ${known.covered === known.total ? "good" : "late"}`, text: () => say("districtsCovered", { covered: number(known.covered), total: number(known.total) }) }), registered];
    const text = known.state === "none" ? "coverage_none" : () => (known.last_active_day ? say("lastActive", { day: day(known.last_active_day) }) : say("neverActive"));
    return [h("span", { class: `tag ${known.state}`, text }), registered];
  }

  function trendOf({ trend, week, week_before: former }) {
    if (trend === null) return week > 0 ? say("trendBegan") : "–";
    if (week === former) return say("trendLevel");
    return say(trend > 0 ? "trendUp" : "trendDown", { part: percent(Math.abs(trend)) });
  }

  function whyBeyond(rows) {
    const one = rows.find((row) => row.progress.ratio > 1).progress;
    return h("p", { class: "standing", id: "beyond", text: () => say("whyBeyond", { source: one.source, day: dayOf(one.dated) }) });
  }

  function further(rows) {
    return [
      rows.length > shown && h("div", { class: "buttons" }, action({ text: "moreRows", run: () => more() })),
      found.cursor !== null && h("p", { class: "hint", text: () => say("restInDownload", { count: number(found.rows.length) }) }),
    ];
  }

  function more() {
    shown += SHOWN;
    show();
  }

  function sorted(rows) {
    const collator = new Intl.Collator(inLanguage());
    const keys = {
      rank: (row) => row.rank,
      surveyed: (row) => row.surveyed,
      days_since: (row) => (row.days_since === null ? -Infinity : -row.days_since), // the longest first
      trend: (row) => row.trend,
      share: (row) => row.progress.ratio,
      forecast: (row) => (row.forecast.day === null ? null : -Date.parse(row.forecast.day)), // the latest first
    };
    if (wanted.sort === "area") return rows.toSorted((one, other) => collator.compare(one[`name_${inLanguage()}`], other[`name_${inLanguage()}`]));
    const key = keys[wanted.sort];
    return rows.toSorted((one, other) => {
      const [first, second] = [key(one), key(other)];
      if (first === null || second === null) return (first === null) - (second === null) || one.rank - other.rank; // what is not known comes last
      return first === second ? one.rank - other.rank : first < second ? -1 : 1;
    });
  }

  async function open(code) {
    wanted.level = "";
    await area.set(code);
    await go({ area: code });
    answer.querySelector("h3")?.focus();
  }

  async function download(ending) {
    const { area: inside, ...others } = query();
    const file = await ask("GET", `${reporting}/v1/monitor.${ending}`, { query: { ...others, area: inside }, raw: true });
    keep(await file.blob(), `monitor-${found.area || "TH"}-${found.level}-${found.period.last}.${ending}`);
  }

  // ---- a directive to those that are chosen ----

  function choose(code, box) {
    if (box.checked && chosen.size >= MOST_CHOSEN) {
      box.checked = false;
      return notice(() => say("mostChosen", { count: number(MOST_CHOSEN) }));
    }
    if (box.checked) chosen.add(code);
    else chosen.delete(code);
    showChosen();
  }

  function showChosen() {
    bar.hidden = chosen.size === 0;
    if (chosen.size > 0) fill(bar, action({ text: ["directiveTo", { count: () => number(chosen.size) }], class: "button primary", run: write }));
  }

  function write() {
    const below = ADDRESSED.slice(who.role === "central_administrator" ? 0 : 1);
    const rows = found.rows.filter((row) => chosen.has(row.area));
    const dialog = askInWindow({
      title: ["directiveTo", { count: () => number(rows.length) }],
      parts: [
        field({ name: "reference", label: "reference", hint: "referenceHint", maxlength: "200" }),
        field({ name: "title_th", label: "subjectThai", maxlength: "200" }),
        field({ name: "text_th", label: "textThai", hint: "directivePlaces", control: "textarea", rows: "8" }),
        h("p", { class: "hint", text: () => rows.slice(0, 10).map((row) => row[`name_${inLanguage()}`]).join(", ") + (rows.length > 10 ? " …" : "") }),
        h("fieldset", { "data-field": "roles" }, h("legend", { text: "toWhom" }), below.map((role) => tick({ name: `role_${role}`, label: role, checked: role !== "place_officer" }))),
        field({ name: "deadline", label: "acknowledgeUntil", type: "datetime-local", required: false }),
      ],
      submit: "sendDirective",
      send: (values) => send(rows, below, values),
    });
    dialog.querySelector("[name=title_th]").value = "เร่งรัดการสำรวจการฉีดวัคซีนโควิด-19 รายครัวเรือน";
    dialog.querySelector("[name=text_th]").value = DRAFT;
  }

  /** One directive for each area, since each goes to those who work there. Those that were sent are chosen no more. */
  async function send(rows, below, { reference, title_th, text_th, deadline, ...roles }) {
    for (const row of rows.filter(({ area: code }) => chosen.has(code))) {
      const json = { reference, title_th, text_th: filledIn(text_th, row), area: row.area, roles: below.filter((role) => roles[`role_${role}`]), ...(deadline && { deadline: `${deadline}:00+07:00` }) };
      await ask("POST", "/v1/directives", { json });
      chosen.delete(row.area);
    }
    show();
    notice(() => say("directivesSentTo", { count: number(rows.length) }), "good");
  }

  /** A letter is in Thai, whatever language the page is in. */
  function filledIn(text, row) {
    const written = new Intl.NumberFormat("th-TH-u-nu-latn");
    const date = new Intl.DateTimeFormat("th-TH-u-ca-buddhist-nu-latn", { dateStyle: "long", timeZone: "Asia/Bangkok" });
    const letterDay = (value) => date.format(new Date(`${value}T05:00:00Z`));
    const results = row.surveyed > 0 ? `สำรวจได้ ${written.format(row.surveyed)} ครัวเรือน` : "ไม่มีผลการสำรวจ";
    const last = row.last_day === null ? "ยังไม่เคยมีผลการสำรวจ" : `ผลล่าสุดเมื่อวันที่ ${letterDay(row.last_day)}`;
    const values = { "[พื้นที่]": row.name_th, "[ช่วงเวลา]": `วันที่ ${letterDay(found.period.first)} ถึง ${letterDay(found.period.last)}`, "[ผล]": `${results} (${last})` };
    return Object.entries(values).reduce((letter, [place, value]) => letter.replaceAll(place, value), text);
  }
});

const DRAFT = `จากการติดตามผลการสำรวจการฉีดวัคซีนโควิด-19 รายครัวเรือน [ช่วงเวลา] พบว่าพื้นที่ [พื้นที่] [ผล]

ขอให้ผู้ประสานงานและอาสาสมัครในพื้นที่เร่งดำเนินการสำรวจ และแจ้งปัญหาที่ทำให้สำรวจไม่ได้ผ่านหน้า "ปัญหา" โดยเร็ว`;

/** What the address asks for, inside the reader's own area. */
function readWanted(who) {
  const given = new URLSearchParams(location.search);
  const area = given.get("area") ?? "";
  const among = (name, values, usual) => (values.includes(given.get(name)) ? given.get(name) : usual);
  const dateOf = (name, usual) => (/^\d{4}-\d{2}-\d{2}$/.test(given.get(name) ?? "") ? given.get(name) : usual);
  return {
    area: /^(\d\d){0,2}$/.test(area) && area.startsWith(who.area) ? area : who.area,
    level: among("level", Object.keys(LEVELS), ""),
    period: among("period", PERIODS, "7"),
    from: dateOf("from", before(today(), 6)),
    to: dateOf("to", today()),
    at_most: /^\d{1,9}$/.test(given.get("at_most") ?? "") ? given.get("at_most") : "",
    sort: among("sort", SORTS, "rank"),
  };
}
