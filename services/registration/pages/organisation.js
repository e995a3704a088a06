// The organisations of an area; and one of them: its people, its group codes, its roll of volunteers.

import { ask, list } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, form, selectField, showInWindow } from "./form.js";
import { begin, day, fill, h, monthName, notice, number, say, services, speak, STAFF } from "./page.js";
import { rollForm } from "./roll.js";

const WRITERS = ["central_administrator", "province_administrator", "district_coordinator"];
const SHOWN = 100;
const DAY_MS = 86_400_000;
const STATUSES = ["approved", "pending", "suspended", "withdrawn"];

begin({ title: "organisation", signedIn: true, wide: true }, async (main, who) => {
  const id = new URLSearchParams(location.search).get("id") ?? (STAFF.includes(who.role) ? null : who.organisation);
  await (id === null ? showList(main, who) : showOne(main, who, id));
});

// ---- all of an area ----

async function showList(main, who) {
  const found = h("ul", { class: "list" });
  const search = form({
    parts: [field({ name: "name", label: "searchByName", required: false, marked: false, type: "search", maxlength: "200" })],
    submit: "search",
    quiet: true,
    send: ({ name }) => load(name),
  });
  search.classList.add("search");
  main.append(
    h("section", { class: "card" }, search, WRITERS.includes(who.role) && h("div", { class: "buttons" }, action({ text: "newOrganisation", class: "button primary", run: () => create(who) }))),
    found,
  );
  await load();

  async function load(name) {
    const { entries, more } = await list("/v1/organisations", "organisations", { query: { name }, most: SHOWN });
    await learnNames(entries.map((one) => one.area));
    const cards = entries.map((one) =>
      h(
        "li",
        { class: "row" },
        h("a", { class: "grow name", href: `/organisation?id=${one.organisation_id}` }, one.name),
        h("span", { class: "who", text: placeName(one.area) }),
        h("span", { class: "tag", text: one.kind }),
      ),
    );
    fill(found, cards.length > 0 ? cards : h("li", { class: "empty", text: "nothingFound" }), more && h("li", { class: "empty", text: "moreBySearch" }));
  }
}

function create(who) {
  askInWindow({
    title: "newOrganisation",
    parts: [
      field({ name: "name", label: "organisationName", maxlength: "200" }),
      selectField({ name: "kind", label: "kind", options: ["agency", "network_partner"].map((kind) => [kind, kind]) }),
      areaChoice({ label: "organisationArea", inside: who.area, whole: true }),
    ],
    submit: "create",
    send: async (values) => {
      const { organisation_id: id } = await ask("POST", "/v1/organisations", { json: values });
      location.assign(`/organisation?id=${id}`);
    },
  });
}

// ---- one ----

async function showOne(main, who, id) {
  const path = `/v1/organisations/${encodeURIComponent(id)}`;
  const counts = h("ul", { class: "counts" });
  const parts = {
    codes: h("section", { class: "card", id: "codes" }),
    people: h("section", { class: "card", id: "people" }),
    roll: h("section", { class: "card", id: "roll" }),
    results: h("section", { class: "card", id: "results" }),
  };
  let organisation = null;
  try {
    organisation = await load();
  } catch (error) {
    if (![403, 404].includes(error.status)) throw error;
    main.append(h("p", { class: "empty", text: "notYourOrganisation" }));
    return;
  }
  await learnNames([organisation.area]);
  const place = placeName(organisation.area);
  speak(main.querySelector("h2"), { text: () => organisation.name });
  const staff = STAFF.includes(who.role);
  fill(
    main,
    main.querySelector("h2"),
    h("p", { class: "soft", text: () => `${say(organisation.kind)} · ${place()}` }),
    staff && h("p", { class: "hint" }, h("a", { href: "/organisation", text: "allOrganisations" })),
    h("section", { class: "card" }, h("h3", { text: "volunteers" }), counts),
    parts.results,
    parts.codes,
    parts.people,
    parts.roll,
  );
  showResults(); // of another service: the page does not wait for it
  await showCodes();
  await showPeople();
  rollForm(parts.roll, path, async () => {
    await load();
    await showPeople();
  });

  async function load() {
    const found = await ask("GET", path);
    fill(
      counts,
      STATUSES.map((status) => h("li", {}, h("span", { class: "row" }, h("b", { class: "count", "data-count": status, text: () => number(found.volunteers[status] ?? 0) }), h("span", { class: "tag", text: status })))),
    );
    return found;
  }

  async function showResults() {
    const { reporting } = await services().catch(() => ({}));
    let rows = h("li", { class: "empty", text: "resultsAway" });
    try {
      if (!reporting) throw new Error("not configured");
      const { months } = await ask("GET", `${reporting}${path}/results`);
      rows = months.map((one) =>
        h(
          "li",
          { class: "row", "data-month": one.month },
          h("span", { class: "grow name", text: () => monthName(one.month) }),
          h("span", { class: "who", text: ["activeVolunteers", { count: () => number(one.volunteers) }] }),
          h("b", { text: ["visits", { count: () => number(one.submissions) }] }),
        ),
      );
      if (rows.length === 0) rows = h("li", { class: "empty", text: "noResultsYet" });
    } catch {
      // away: said instead
    }
    fill(parts.results, h("h3", { text: "results" }), h("p", { class: "hint", text: "resultsExplained" }), h("ul", { class: "list" }, rows));
  }

  async function showCodes() {
    const { entries } = await list(`${path}/group-codes`, "group_codes", { most: SHOWN });
    const now = Date.now();
    const alive = (code) => code.revoked_at === null && code.uses_left > 0 && Date.parse(code.expires_at) > now;
    const rows = entries.toSorted((one, other) => alive(other) - alive(one)).map((code) => codeCard(code, alive(code)));
    fill(
      parts.codes,
      h("h3", { text: "groupCodes" }),
      h("p", { class: "hint", text: "groupCodesExplained" }),
      h("div", { class: "buttons" }, action({ text: "newCode", class: "button primary", run: () => newCode() })),
      h("ul", { class: "list codes" }, rows.length > 0 ? rows : h("li", { class: "empty", text: "noCodesYet" })),
    );
  }

  function codeCard(code, alive) {
    const state = code.revoked_at !== null ? "revoked" : code.uses_left === 0 ? "usedUp" : alive ? "alive" : "expired";
    return h(
      "li",
      { class: "row", "data-code": code.code },
      h("span", { class: "grow" }, h("b", { class: "name code-name" }, code.code), h("span", { class: "who", text: () => ` ${say("usedOf", { used: number(code.used), uses: number(code.uses) })} · ${say("until", { day: day(code.expires_at) })}` })),
      h("span", { class: `tag ${alive ? "good" : ""}`, text: state }),
      alive && action({ text: "showLarge", run: () => showLarge(code.code) }),
      alive &&
        action({
          text: "revoke",
          class: "button bad",
          label: () => say("revokeWhich", { code: code.code }),
          run: async () => {
            await ask("DELETE", `${path}/group-codes/${code.code}`);
            await showCodes();
            notice(["revokedCode", { code: code.code }], "good");
          },
        }),
    );
  }

  function newCode() {
    askInWindow({
      title: "newCode",
      parts: [
        field({ name: "uses", label: "howManyPeople", type: "number", inputmode: "numeric", min: "1", max: "10000", value: "100" }),
        selectField({ name: "days", label: "howLong", options: [["30", "month"], ["7", "week"], ["90", "threeMonths"]] }),
      ],
      submit: "create",
      send: async ({ uses, days }) => {
        const expires = new Date(Date.now() + Number(days) * DAY_MS).toISOString();
        const { code } = await ask("POST", `${path}/group-codes`, { json: { uses: Number(uses), expires_at: expires } });
        await showCodes();
        showLarge(code);
      },
    });
  }

  function showLarge(code) {
    const address = `${location.origin}/sign-up#code=${code}`;
    showInWindow("writeOnBoard", h("strong", { class: "code" }, code), h("p", { text: "orOpen" }), h("p", { class: "said" }, h("a", { href: address }, address))).classList.add("board");
  }

  async function showPeople() {
    const found = h("ul", { class: "list" });
    const filters = form({
      parts: [
        field({ name: "name", label: "searchPerson", required: false, marked: false, type: "search", maxlength: "200" }),
        selectField({ name: "status", label: "status", options: [["", "allStatuses"], ...STATUSES.map((status) => [status, status])], required: false, marked: false }),
      ],
      submit: "search",
      quiet: true,
      send: (values) => search(values),
    });
    filters.classList.add("search");
    fill(parts.people, h("h3", { text: "itsVolunteers" }), filters, found);
    await search({});

    async function search({ name, status }) {
      const { entries, more } = await list(`${path}/volunteers`, "volunteers", { query: { name, status }, most: SHOWN });
      await learnNames(entries.map((one) => one.area));
      const rows = entries.map((one) =>
        h(
          "li",
          { class: "row", "data-person": one.volunteer_id },
          h("span", { class: "grow" }, h("span", { class: "name" }, one.name ?? h("span", { text: "unreadable" })), h("span", { class: "who", text: () => ` ${placeName(one.area)()}` })),
          one.phone && h("a", { class: "button quiet", href: `tel:${one.phone}` }, one.phone),
          h("span", { class: `tag ${one.status === "approved" ? "good" : one.status === "pending" ? "late" : ""}`, text: one.status }),
        ),
      );
      fill(found, rows.length > 0 ? rows : h("li", { class: "empty", text: "nothingFound" }), more && h("li", { class: "empty", text: "moreBySearch" }));
    }
  }
}
