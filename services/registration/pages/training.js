// Training: what somebody still has to take, the coming sessions, attendance by the code on the board, and what is taken.
// The public's sessions are open to everybody; who holds sessions announces them here and shows the code.

import { ask, list } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, form, selectField, showInWindow } from "./form.js";
import { begin, day, fill, h, inLanguage, moment, notice, number, say, STAFF } from "./page.js";
import { save } from "./saving.js";

const SHOWN = 100;
const WRITERS = ["central_administrator", "province_administrator"];
const titleOf = (one) => () => one[`title_${inLanguage()}`];

begin({ title: "training", wide: true }, async (main, who) => {
  const staff = who !== null && STAFF.includes(who.role);
  const mine = h("section", { class: "card" });
  const sessions = h("ul", { class: "list two", label: "comingSessions" });
  const taken = h("section", { class: "card" });
  const trained = h("section", { class: "card", id: "trained" });
  main.append(h("h3", { text: "comingSessions" }), sessions);
  if (who !== null) {
    main.insertBefore(mine, main.querySelector("h3"));
    main.append(taken);
  }
  if (staff) {
    main.insertBefore(h("div", { class: "buttons staff" }, action({ text: "newSession", class: "button primary", run: newSession }), WRITERS.includes(who.role) && action({ text: "newCourse", run: newCourse })), sessions);
    main.append(trained);
  }
  await load();
  if (staff) await showTrained(trained, who);
  if (staff && new URLSearchParams(location.search).get("view") === "untrained") trained.querySelector("h3").focus();

  async function load() {
    const [coming, own] = await Promise.all([list("/v1/trainings", "sessions", { most: SHOWN }), who && ask("GET", "/v1/trainings/mine")]);
    const open = coming.entries.filter(({ cancelled }) => !cancelled);
    await learnNames(open.map(({ area }) => area));
    fill(sessions, open.length > 0 ? open.map(card) : h("li", { class: "empty", text: "noSessions" }));
    if (own) showMine(own);
  }

  function showMine({ missing, completions }) {
    const rows = missing.map((one) =>
      h("li", { class: "row" }, h("span", { class: "grow name", text: titleOf(one) }), h("span", { class: "tag late", text: one.expired_at ? ["expiredAt", { day: () => day(one.expired_at) }] : "notYetTaken" })),
    );
    fill(mine, h("h3", { text: "missingCourses" }), rows.length > 0 ? h("ul", { class: "list" }, rows) : h("p", { text: "nothingMissing" }));
    const done = completions.map((one) =>
      h(
        "li",
        { class: "row" },
        h("span", { class: "grow name", text: titleOf(one) }),
        h("span", { class: "tag good", text: () => say("completedAt", { day: day(one.completed_at) }) + (one.valid_until ? ` · ${say("until", { day: day(one.valid_until) })}` : "") }),
      ),
    );
    fill(taken, h("h3", { text: "myCompletions" }), done.length > 0 ? h("ul", { class: "list" }, done) : h("p", { class: "soft", text: "noCompletions" }));
  }

  // ---- a session ----

  function card(one) {
    const { course, my_state: state } = one;
    const path = `/v1/trainings/sessions/${one.session_id}`;
    const free = Math.max(0, one.capacity - one.placed);
    const materials = h("div", {});
    return h(
      "li",
      { "data-session": one.session_id },
      h("p", { class: "row" }, h("span", { class: "grow name", text: titleOf(course) }), state && state !== "cancelled" && h("span", { class: `tag ${state === "placed" ? "good" : "late"}`, text: `my_${state}` })),
      h(
        "dl",
        {},
        h("dt", { text: "when" }),
        h("dd", { text: () => `${moment(one.begins_at)} – ${moment(one.ends_at)}` }),
        h("dt", { text: "where" }),
        h("dd", {}, one.place && h("span", {}, one.place, " "), h("span", { text: () => (one.online ? say("online") : "") + (one.place || !one.online ? ` (${placeName(one.area)()})` : "") }), one.link && h("a", { href: one.link, rel: "noopener noreferrer" }, one.link)),
        h("dt", { text: "places" }),
        h("dd", { text: () => (free > 0 ? say("freePlaces", { free: number(free), capacity: number(one.capacity) }) : say("full", { waiting: number(one.waiting) })) }),
      ),
      materials,
      h(
        "div",
        { class: "buttons" },
        (!state || state === "cancelled") && action({ text: free > 0 ? "signUpHere" : "queueHere", class: "button primary", run: () => signUp(path) }),
        (state === "placed" || who === null) && action({ text: "iAmHere", class: who ? "button primary" : "button", run: () => attend(path) }),
        state && state !== "cancelled" && action({ text: "giveUpPlace", run: () => step(() => ask("DELETE", `${path}/sign-ups/mine`), "placeGivenUp") }),
        action({ text: "materials", run: () => showMaterials(course.course_id, materials) }),
        staff && one.area.startsWith(who.area) && action({ text: "attendanceCode", run: () => showCode(path) }),
      ),
    );
  }

  async function step(doing, done) {
    await doing();
    await load();
    notice(done, "good");
  }

  async function signUp(path) {
    if (who !== null) {
      const { state } = await ask("POST", `${path}/sign-ups`);
      await load();
      return notice(state === "placed" ? "placeTaken" : "inQueue", "good");
    }
    askInWindow({
      title: "signUpHere",
      parts: [field({ name: "name", label: "fullName", autocomplete: "name", maxlength: "200" }), field({ name: "phone", label: "phone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel" })],
      submit: "signUpHere",
      send: async (values) => {
        const { state } = await ask("POST", `${path}/sign-ups`, { json: values });
        await load();
        notice(state === "placed" ? "placeTaken" : "inQueue", "good");
      },
    });
  }

  function attend(path) {
    const code = field({ name: "code", label: "codeOnBoard", autocomplete: "off", autocapitalize: "characters", maxlength: "40" });
    code.classList.add("group-code");
    askInWindow({
      title: "iAmHere",
      parts: [code, who === null && field({ name: "phone", label: "phone", type: "tel", inputmode: "tel", autocomplete: "tel" })],
      submit: "confirm",
      send: (values) => step(() => ask("POST", `${path}/attendance`, { json: values }), "courseTaken"),
    });
  }

  async function showCode(path) {
    const { code, good_from: from, good_until: until } = await ask("GET", `${path}/attendance-code`);
    showInWindow("attendanceCode", h("strong", { class: "code" }, code), h("p", { text: () => say("goodBetween", { from: moment(from), until: moment(until) }) })).classList.add("board");
  }

  async function showMaterials(course, box) {
    const found = (await ask("GET", `/v1/trainings/courses/${course}/materials`)).filter(({ current }) => current);
    const rows = found.map((one) => {
      const path = `/v1/trainings/courses/${course}/materials/${one.material_id}/versions/${one.version}/file`;
      const version = h("span", { class: "who", text: ["version", { version: one.version }] });
      if (one.link) return h("li", { class: "row" }, h("a", { class: "grow", href: one.link, rel: "noopener noreferrer" }, one.title), version);
      return h("li", { class: "row" }, h("span", { class: "grow" }, one.title), version, action({ text: "download", run: () => save(path, one.title) }));
    });
    fill(box, rows.length > 0 ? h("ul", { class: "list inner" }, rows) : h("p", { class: "hint", text: "noMaterials" }));
  }

  // ---- for those who hold sessions ----

  async function newSession() {
    const { entries } = await list("/v1/trainings/courses", "courses", { most: SHOWN });
    const fitting = entries.filter(({ area, retired }) => !retired && who.area.startsWith(area));
    if (fitting.length === 0) return notice("noCourses");
    const area = who.area.length < 6 && areaChoice({ inside: who.area, whole: true });
    askInWindow({
      title: "newSession",
      parts: [
        selectField({ name: "course_id", label: "course", options: fitting.map((one) => [one.course_id, titleOf(one)]) }),
        field({ name: "place", label: "placeOfSession", required: false, maxlength: "200" }),
        field({ name: "link", label: "linkOfSession", type: "url", required: false }),
        field({ name: "begins_at", label: "begins", type: "datetime-local" }),
        field({ name: "ends_at", label: "ends", type: "datetime-local" }),
        field({ name: "capacity", label: "capacity", type: "number", inputmode: "numeric", min: "1", value: "30" }),
        area,
      ],
      submit: "create",
      send: ({ place, link, capacity, begins_at: begins, ends_at: ends, ...values }) => {
        const json = { ...values, begins_at: `${begins}:00+07:00`, ends_at: `${ends}:00+07:00`, capacity: Number(capacity), ...(place && { place }), ...(link && { link }) };
        return step(() => ask("POST", "/v1/trainings/sessions", { json }), "sessionAnnounced");
      },
    });
  }

  function newCourse() {
    askInWindow({
      title: "newCourse",
      parts: [
        field({ name: "title_th", label: "titleThai", maxlength: "200" }),
        field({ name: "title_en", label: "titleEnglish", maxlength: "200" }),
        selectField({ name: "audience", label: "audience", options: ["agencies", "partners", "public"].map((each) => [each, `audience_${each}`]) }),
        selectField({ name: "required", label: "requiredOf", options: [["", "requiredOfNobody"], ["volunteer", "requiredOfVolunteers"]], required: false, marked: false }),
      ],
      submit: "create",
      send: ({ required, ...values }) => step(() => ask("POST", "/v1/trainings/courses", { json: { ...values, required_for: required ? [required] : [] } }), "courseEntered"),
    });
  }
});

/** Of a course that is required: how many in each area are trained, and who is not. */
async function showTrained(box, who) {
  const { entries } = await list("/v1/trainings/courses", "courses", { most: SHOWN });
  const required = entries.filter(({ required_for: roles, retired }) => roles.length > 0 && !retired);
  const title = h("h3", { text: "whoIsTrained", tabindex: "-1" });
  if (required.length === 0) return fill(box, title, h("p", { class: "soft", text: "nothingRequired" }));
  const result = h("div", { role: "status" });
  const choosing = form({
    parts: [selectField({ name: "course", label: "course", options: required.map((one) => [one.course_id, titleOf(one)]) })],
    submit: "show",
    quiet: true,
    send: ({ course }) => show(course),
  });
  choosing.classList.add("search");
  fill(box, title, choosing, result);
  await show(required[0].course_id);

  async function show(course) {
    const [counts, missing] = await Promise.all([
      ask("GET", "/v1/trainings/completions", { query: { course } }),
      // By name only where somebody could go and speak to them.
      who.area.length >= 4 ? list("/v1/trainings/completions/persons", "persons", { query: { course }, most: SHOWN }) : { entries: [], more: false },
    ]);
    await learnNames([...counts, ...missing.entries].map(({ area }) => area));
    const head = ["area", "persons", "trainedCount"].map((text) => h("th", { scope: "col", text }));
    const rows = counts.map((one) => h("tr", {}, h("th", { scope: "row", text: placeName(one.area, Math.max(2, who.area.length)) }), h("td", { text: () => number(one.persons) }), h("td", { text: () => number(one.trained) })));
    const names = missing.entries.map((one) => h("li", { class: "row" }, h("span", { class: "grow" }, h("span", { class: "name" }, one.name ?? h("span", { text: "unreadable" })), h("span", { class: "who", text: placeName(one.area, 4) }))));
    fill(
      result,
      rows.length > 0 ? h("table", {}, h("caption", { class: "unseen", text: "whoIsTrained" }), h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)) : h("p", { class: "soft", text: "nobodyConcerned" }),
      names.length > 0 && h("details", {}, h("summary", { text: ["notTrained", { count: () => number(names.length) + (missing.more ? "+" : "") }] }), h("ul", { class: "list" }, names)),
    );
  }
}
