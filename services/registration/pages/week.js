// A place officer's week: the places of his organisation, those that wait for longest first; one press confirms that
// nothing changed. The places are the facilities service's, which is asked with the sign-in of this page.

import { ask, list } from "./api.js";
import { learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, selectField } from "./form.js";
import { begin, fill, h, moment, notice, number, say, services } from "./page.js";
import { onPurpose } from "./purpose.js";

const AT_ONCE = 500; // shown before more are asked for, and confirmed with one request
const STATUSES = [["open", "open"], ["full", "fullPlace"], ["suspended", "suspendedPlace"], ["closed", "closedPlace"]];
const TAGS = { fresh: ["good", "fresh"], due: ["late", "due"], overdue: ["bad", "overduePlace"] };

begin({ title: "myWeek", signedIn: true, wide: true }, async (main, who) => {
  const { facilities } = await services();
  if (!facilities) return notice("serviceAway");
  const kinds = await ask("GET", `${facilities}/v1/facility-kinds`);
  const progress = h("progress", { max: "1", value: "0", label: "myWeek" });
  const told = h("p", { class: "lead", "aria-live": "polite" });
  const tabs = h("div", { class: "tabs", role: "group" });
  const bar = h("div", { class: "bar", role: "group", label: "chosen" });
  const shown = h("ul", { class: "list two", label: "myWeek" });
  const further = h("div", { class: "further" });
  let places = [];
  let counted = { fresh: 0, all: 0 };
  let cursor = null;
  let all = false;
  main.append(told, progress, h("p", {}, h("a", { class: "button", href: "/place", text: "newPlace" })), tabs, bar, shown, further);
  await load();

  /** As many as were shown before, those that wait for longest first. */
  async function load() {
    const [found, now] = await Promise.all([list(`${facilities}/v1/my-places`, "items", { most: Math.max(AT_ONCE, places.length) }), count()]);
    counted = now;
    await take([], found);
  }

  async function more() {
    await take(places, await list(`${facilities}/v1/my-places`, "items", { most: AT_ONCE, cursor }));
  }

  async function take(before, found) {
    const ticked = new Set([...shown.querySelectorAll("input:checked")].map(({ value }) => value));
    const known = new Set(before.map((one) => one.facility_id)); // what was confirmed meanwhile comes again, at the end
    places = [...before, ...found.entries.filter((one) => !known.has(one.facility_id))];
    cursor = found.cursor;
    await learnNames(places.map((one) => one.area));
    show(ticked);
  }

  /** All places of the officer or of the area, shown or not. */
  async function count() {
    const officer = who.role === "place_officer";
    const { counts } = await ask("GET", `${facilities}/v1/freshness`, { query: { by: officer ? "organisation" : "kind" } });
    const own = officer ? counts.filter((one) => one.of === (who.organisation ?? who.subject)) : counts;
    const sum = (name) => own.reduce((total, one) => total + one[name], 0);
    return { fresh: sum("fresh"), all: sum("fresh") + sum("due") + sum("overdue") };
  }

  function show(ticked = new Set()) {
    progress.max = Math.max(counted.all, 1);
    progress.value = counted.fresh;
    fill(told, h("span", { text: () => (counted.all === 0 ? say("noPlaces") : counted.fresh === counted.all ? say("weekDone") : say("weekProgress", { fresh: number(counted.fresh), all: number(counted.all) })) }));
    fill(further, cursor !== null && [h("p", { class: "hint", text: ["shownOfPlaces", { shown: () => number(places.length), all: () => number(counted.all) }] }), h("div", { class: "buttons" }, action({ text: "morePlaces", run: more }))]);
    progress.hidden = tabs.hidden = counted.all === 0;
    fill(tabs, [[false, "toConfirm"], [true, "allPlaces"]].map(([value, text]) => h("button", { type: "button", class: "button", "aria-pressed": String(all === value), text, on: { click: () => { all = value; show(new Set(chosen())); } } })));
    const waiting = places.filter((one) => all || one.freshness !== "fresh");
    const boxes = () => [...shown.querySelectorAll("input[type=checkbox]")];
    const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);
    const every = h("input", { type: "checkbox", id: "all" });
    const count = h("span", { "aria-live": "polite" });
    const confirm = action({ text: "confirmChosen", class: "button primary", run: () => confirmAll(chosen()) });
    const changed = () => {
      const ticked = chosen().length;
      every.checked = ticked > 0 && ticked === boxes().length;
      every.indeterminate = ticked > 0 && !every.checked;
      confirm.disabled = ticked === 0;
      count.textContent = say("chosenPlaces", { chosen: number(ticked), all: number(boxes().length) });
    };
    every.addEventListener("change", () => {
      for (const box of boxes()) box.checked = every.checked;
      changed();
    });
    bar.hidden = waiting.length === 0;
    fill(bar, h("span", { class: "tick grow" }, every, h("label", { for: "all" }, h("span", { class: "unseen", text: "chooseAll" }), count)), confirm);
    fill(shown, waiting.map((one) => card(one, changed, ticked.has(one.facility_id))));
    changed();
  }

  function card(one, changed, ticked) {
    const id = `place-${one.facility_id}`;
    const [kind, text] = TAGS[one.freshness];
    const beds = one.capacity !== null && one.free !== null;
    return h(
      "li",
      { "data-late": one.freshness === "overdue", "data-place": one.facility_id },
      h(
        "div",
        { class: "row" },
        h("input", { type: "checkbox", id, value: one.facility_id, checked: ticked, on: { change: changed } }),
        h("label", { for: id, class: "grow" }, h("span", { class: "name" }, one.name), h("span", { class: "who", text: placeName(one.area, Math.max(2, who.area.length)) })),
        h("span", { class: `tag ${kind}`, text }),
      ),
      h("p", { class: "who", text: () => [statusName(one.status), beds && say("bedsOf", { free: number(one.free), all: number(one.capacity) }), say("confirmedAt", { time: moment(one.confirmed_at) })].filter(Boolean).join(" · ") }),
      h(
        "div",
        { class: "buttons" },
        action({ text: "nothingChanged", class: "button primary", label: () => say("nothingChangedAt", { name: one.name }), run: () => confirmAll([one.facility_id]) }),
        action({ text: "changePlace", label: () => say("changePlaceAt", { name: one.name }), run: () => change(one) }),
        h("a", { class: "button", href: `/place?id=${one.facility_id}`, text: "wholePlace", label: () => say("wholePlaceAt", { name: one.name }) }),
      ),
    );
  }

  function statusName(status) {
    return say(STATUSES.find(([value]) => value === status)[1]);
  }

  async function confirmAll(ids) {
    const results = [];
    for (let first = 0; first < ids.length; first += AT_ONCE) {
      const answer = await ask("POST", `${facilities}/v1/confirmations`, { json: { facility_ids: ids.slice(first, first + AT_ONCE) } });
      results.push(...answer.results);
    }
    for (const box of shown.querySelectorAll("input:checked")) box.checked = !ids.includes(box.value);
    const confirmed = results.filter(({ outcome }) => outcome === "confirmed").length;
    await load();
    const parts = [["confirmedCount", confirmed], ["notConfirmedCount", results.length - confirmed]].filter(([, count]) => count > 0);
    notice(() => parts.map(([key, count]) => say(key, { count: number(count) })).join(" · "), confirmed === results.length ? "good" : "bad");
  }

  function change(one) {
    const hasBeds = one.free !== null || kinds.find(({ kind }) => kind === one.kind)?.beds;
    const purpose = onPurpose(`${facilities}/v1/facilities`);
    const amount = (name, label, value) => field({ name, label, type: "number", inputmode: "numeric", min: "0", required: false, value: value ?? "" });
    askInWindow({
      title: ["changePlaceAt", { name: one.name }],
      parts: [
        selectField({ name: "status", label: "placeStatus", options: STATUSES }),
        amount("capacity", "placeCapacity", one.capacity),
        hasBeds && amount("free", "freeBeds", one.free),
        purpose.position,
      ],
      submit: "save",
      send: async ({ status, capacity, free, position_confirmed: confirmed }) => {
        const { freshness, due_at: due, ...content } = one;
        const changed = { ...content, status, capacity: whole(capacity), ...(hasBeds && { free: whole(free) }), position_confirmed: confirmed };
        try {
          await ask("PUT", `${facilities}/v1/facilities/${one.facility_id}`, { json: changed, headers: { "If-Match": `"${one.revision}"` } });
        } catch (error) {
          if (error.status !== 412) throw error.isRefusal ? await purpose.learn(error) : error;
          await load();
          return notice(["changedByOther", { name: one.name }]);
        }
        await load();
        notice(["placeSaved", { name: one.name }], "good");
      },
    }).querySelector("select").value = one.status;
  }

  function whole(text) {
    return text === "" ? null : Number(text);
  }
});
