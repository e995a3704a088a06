// A coordinator's desk: what waits in the area, each one press away from where it is worked on. Three of the numbers come
// from the facilities, reporting and survey services; when one of them is away the desk says so and shows the rest.

import { ask, list } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, selectField, tick } from "./form.js";
import { begin, complain, fill, h, moment, notice, number, say, services } from "./page.js";
import { presentNotice } from "./privacy-notice.js";

const REFRESH_MS = 60_000; // nobody waits in front of it; who comes back to the tab sees the present state
const OVERDUE_SHOWN = 20;
const HELP_SHOWN = 50;

begin({ title: "desk", signedIn: true, wide: true }, async (main, who) => {
  const tasks = h("ul", { class: "tasks" });
  const places = h("div", {});
  const help = h("section", { class: "card", id: "registration-help" });
  await learnNames([who.area]);
  const place = placeName(who.area);
  main.append(h("p", { class: "soft", text: () => `${say(who.role)} · ${place()}` }), tasks, places, help);
  const shown = { own: [], foreign: [away("overduePlaces"), away("withoutResults"), away("housesToVisit")] };
  await load();
  setInterval(() => document.visibilityState === "visible" && load().catch(complain), REFRESH_MS);

  async function load() {
    // Each shows what it has as soon as it has it: a service that hangs holds up no other.
    const others = Promise.all([overduePlaces(), withoutResults(), housesToVisit()]).then((foreign) => {
      shown.foreign = foreign;
      show();
    });
    const desk = await ask("GET", "/v1/desk");
    shown.own = own(desk);
    show();
    await loadHelp(desk.registration_help.waiting);
    await others;
  }

  function show() {
    fill(tasks, [...shown.own, ...shown.foreign].map((one) => h("li", {}, task(one))));
  }

  function own({ most, approvals, problems, registration_help: asked, untrained, directives }) {
    const count = (waiting) => number(waiting) + (waiting >= most ? "+" : "");
    const overdue = (waiting) => (waiting > 0 ? ["ofThemOverdue", { count: () => count(waiting) }] : "noneOverdue");
    return [
      { href: "/approvals", title: "waitingApprovals", count: () => count(approvals.waiting), waiting: approvals.waiting, late: approvals.overdue > 0, detail: overdue(approvals.overdue), name: "approvals" },
      { href: "/problems?view=work", title: "openProblems", count: () => count(problems.waiting), waiting: problems.waiting, late: problems.overdue > 0, detail: overdue(problems.overdue), name: "problems" },
      { href: "#registration-help", title: "helpWanted", count: () => count(asked.waiting), waiting: asked.waiting, late: false, detail: asked.oldest ? ["since", { time: () => moment(asked.oldest) }] : "nobodyAsks", name: "help" },
      untrained !== null && { href: "/training?view=untrained", title: "untrainedVolunteers", count: () => count(untrained), waiting: untrained, late: false, detail: "untrainedDetail", name: "untrained" },
      { href: "/directives", title: "unacknowledged", count: () => count(directives.waiting), waiting: directives.waiting, late: directives.overdue > 0, detail: overdue(directives.overdue), name: "directives" },
    ].filter(Boolean);
  }

  function task({ href, title, count, waiting, late, detail, name, away: isAway = false }) {
    const state = isAway ? "away" : late ? "late" : waiting > 0 ? "waiting" : "done";
    return h(
      href === undefined ? "div" : "a",
      { class: "task", href, "data-task": name, "data-state": state },
      h("span", { class: "count", text: isAway ? () => "–" : count }),
      h("span", { class: "title" }, h("span", { text: title }), h("span", { class: "detail", text: detail })),
      href !== undefined && h("span", { class: "go", "aria-hidden": "true" }, "›"),
    );
  }

  function away(title) {
    return { title, away: true, detail: "loading", name: title };
  }

  // ---- what other services know ----

  async function overduePlaces() {
    const { facilities, reporting } = await services().catch(() => ({}));
    try {
      if (!facilities) throw new Error("not configured");
      const { items, cursor } = await ask("GET", `${facilities}/v1/facilities`, { query: { area: who.area, overdue: true, limit: 100 } });
      await learnNames(items.map((one) => one.area));
      fill(places, items.length > 0 && overdueList(items));
      const count = () => number(items.length) + (cursor === null ? "" : "+");
      const href = reporting ? `${reporting}/?area=${who.area.slice(0, 4)}&measure=overdue` : undefined;
      return { href, title: "overduePlaces", count, waiting: items.length, late: items.length > 0, detail: "overduePlacesDetail", name: "overduePlaces" };
    } catch {
      return { ...away("overduePlaces"), detail: "serviceAway" };
    }
  }

  function overdueList(items) {
    const rows = items.slice(0, OVERDUE_SHOWN).map((one) =>
      h("li", { class: "row" }, h("span", { class: "grow" }, h("span", { class: "name" }, one.name), h("span", { class: "who", text: placeName(one.area, 4) })), h("span", { class: "who", text: ["confirmedAt", { time: () => moment(one.confirmed_at) }] })),
    );
    return h("details", { class: "card" }, h("summary", { text: "whichPlaces" }), h("ul", { class: "list" }, rows));
  }

  async function withoutResults() {
    const { reporting } = await services().catch(() => ({}));
    try {
      if (!reporting) throw new Error("not configured");
      const { rows } = await ask("GET", `${reporting}/v1/progress`, { query: { area: who.area, level: "subdistrict" } });
      // Figures that are withheld are results all the same.
      const without = rows.filter((row) => row.submissions === 0 && !row.suppressed).length;
      const detail = ["ofSubdistricts", { total: () => number(rows.length) }];
      return { href: `${reporting}/?area=${who.area.slice(0, 4)}`, title: "withoutResults", count: () => number(without), waiting: without, late: without > 0, detail, name: "withoutResults" };
    } catch {
      return { ...away("withoutResults"), detail: "serviceAway" };
    }
  }

  async function housesToVisit() {
    const { survey } = await services().catch(() => ({}));
    try {
      if (!survey) throw new Error("not configured");
      const title = "housesToVisit";
      // House by house is for districts; who works for more chooses one there.
      if (who.area.length < 4) return { href: `${survey}/desk`, title, count: () => "…", waiting: 0, late: false, detail: "districtByDistrict", name: title };
      const { total } = await ask("GET", `${survey}/v1/desk/coverage`, { query: { area: who.area } });
      const waiting = total.new + total.revisit;
      const detail = ["ofHouses", { done: () => number(total.done), listed: () => number(total.listed) }];
      return { href: `${survey}/desk`, title, count: () => number(waiting), waiting, late: false, detail, name: title };
    } catch {
      return { ...away("housesToVisit"), detail: "serviceAway" };
    }
  }

  // ---- people who asked for help with registering ----

  async function loadHelp(waiting) {
    const title = h("h3", { text: "helpWanted", tabindex: "-1" });
    if (waiting === 0) return fill(help, title, h("p", { class: "empty", text: "nobodyAsks" }));
    const { entries } = await list("/v1/registration-help", "requests", { most: HELP_SHOWN });
    await learnNames(entries.map((one) => one.area));
    fill(help, title, h("ul", { class: "list" }, entries.map(helpCard)));
  }

  function helpCard(one) {
    const close = (text, outcome, kind = "button") => action({ text, class: kind, run: () => closeHelp(one, outcome) });
    return h(
      "li",
      { "data-request": one.request_id },
      h(
        "div",
        { class: "row" },
        h("span", { class: "grow" }, h("span", { class: "name" }, one.name ?? h("span", { text: "unreadable" })), h("span", { class: "who", text: () => `${placeName(one.area, 4)()} · ${say("since", { time: moment(one.asked_at) })}` })),
        one.phone && h("a", { class: "button", href: `tel:${one.phone}` }, one.phone),
      ),
      h("div", { class: "buttons" }, action({ text: "registerFor", class: "button primary", run: () => assist(one) }), close("helpDone", "registered"), close("notReached", "not_reached"), close("notWanted", "not_wanted")),
    );
  }

  async function closeHelp({ request_id: id }, outcome) {
    await ask("POST", `/v1/registration-help/${id}/closing`, { json: { outcome } });
    await load();
    notice("helpClosed", "good");
  }

  async function assist(one) {
    const { entries } = await list("/v1/organisations", "organisations", { most: 200 });
    const fitting = entries.filter(({ area }) => one.area.startsWith(area));
    if (fitting.length === 0) return notice("noOrganisationHere");
    const area = areaChoice({ label: "whereYouWork", inside: who.area });
    await area.set(one.area);
    const told = await presentNotice();
    askInWindow({
      title: "registerFor",
      parts: [
        selectField({ name: "organisation_id", label: "throughOrganisation", options: fitting.map(({ organisation_id: id, name }) => [id, () => name]) }),
        field({ name: "name", label: "fullName", value: one.name ?? "", maxlength: "200" }),
        field({ name: "phone", label: "phone", type: "tel", inputmode: "tel", value: one.phone ?? "" }),
        who.area.length < 6 && area,
        told.said,
        told.whole,
        tick({ name: "read_out", label: "noticeReadOut" }),
        tick({ name: "approve", label: "approveAtOnce", checked: true }),
      ],
      submit: "signUpFor",
      send: async ({ read_out: readOut, ...values }) => {
        await ask("POST", "/v1/volunteers/assisted", { json: { area: one.area, ...values, notice: readOut ? told.version : null } });
        await closeHelp(one, "registered");
      },
    });
  }
});
