// A place officer's week: the places of his organisation, those that wait for longest first; one press confirms that
// nothing changed. The places are the facilities service's, which is asked with the sign-in of this page.

import { ask, list } from "./api.js";
import { learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, selectField } from "./form.js";
import { begin, fill, h, moment, notice, number, say, services } from "./page.js";

const MOST = 500; // as many as can be confirmed with one press
const STATUSES = [["open", "open"], ["full", "fullPlace"], ["suspended", "suspendedPlace"], ["closed", "closedPlace"]];
const TAGS = { fresh: ["good", "fresh"], due: ["late", "due"], overdue: ["bad", "overduePlace"] };

begin({ title: "myWeek", signedIn: true, wide: true }, async (main, who) => {
  const { facilities } = await services();
  if (!facilities) return notice("serviceAway");
  const progress = h("progress", { max: "1", value: "0", label: "myWeek" });
  const told = h("p", { class: "lead", "aria-live": "polite" });
  const tabs = h("div", { class: "tabs", role: "group" });
  const bar = h("div", { class: "bar", role: "group", label: "chosen" });
  const shown = h("ul", { class: "list two", label: "myWeek" });
  let places = [];
  let all = false;
  main.append(told, progress, h("p", {}, h("a", { class: "button", href: "/place", text: "newPlace" })), tabs, bar, shown);
  await load();

  async function load() {
    const { entries } = await list(`${facilities}/v1/my-places`, "items", { most: MOST });
    places = entries;
    await learnNames(places.map((one) => one.area));
    show();
  }

  function show() {
    const fresh = places.filter((one) => one.freshness === "fresh").length;
    progress.max = Math.max(places.length, 1);
    progress.value = fresh;
    fill(told, h("span", { text: () => (places.length === 0 ? say("noPlaces") : fresh === places.length ? say("weekDone") : say("weekProgress", { fresh: number(fresh), all: number(places.length) })) }));
    progress.hidden = tabs.hidden = places.length === 0;
    fill(tabs, [[false, "toConfirm"], [true, "allPlaces"]].map(([value, text]) => h("button", { type: "button", class: "button", "aria-pressed": String(all === value), text, on: { click: () => { all = value; show(); } } })));
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
    fill(shown, waiting.map((one) => card(one, changed)));
    changed();
  }

  function card(one, changed) {
    const id = `place-${one.facility_id}`;
    const [kind, text] = TAGS[one.freshness];
    const beds = one.capacity !== null && one.free !== null;
    return h(
      "li",
      { "data-late": one.freshness === "overdue", "data-place": one.facility_id },
      h(
        "div",
        { class: "row" },
        h("input", { type: "checkbox", id, value: one.facility_id, on: { change: changed } }),
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
    const { results } = await ask("POST", `${facilities}/v1/confirmations`, { json: { facility_ids: ids } });
    const confirmed = results.filter(({ outcome }) => outcome === "confirmed").length;
    await load();
    const parts = [["confirmedCount", confirmed], ["notConfirmedCount", results.length - confirmed]].filter(([, count]) => count > 0);
    notice(() => parts.map(([key, count]) => say(key, { count: number(count) })).join(" · "), confirmed === results.length ? "good" : "bad");
  }

  function change(one) {
    const hasBeds = one.free !== null || ["hospital", "field_hospital", "waiting_centre"].includes(one.kind);
    const amount = (name, label, value) => field({ name, label, type: "number", inputmode: "numeric", min: "0", required: false, value: value ?? "" });
    askInWindow({
      title: ["changePlaceAt", { name: one.name }],
      parts: [
        selectField({ name: "status", label: "placeStatus", options: STATUSES }),
        amount("capacity", "placeCapacity", one.capacity),
        hasBeds && amount("free", "freeBeds", one.free),
      ],
      submit: "save",
      send: async ({ status, capacity, free }) => {
        const { freshness, due_at: due, ...content } = one;
        const changed = { ...content, status, capacity: whole(capacity), ...(hasBeds && { free: whole(free) }), position_confirmed: true, shared_code: true };
        try {
          await ask("PUT", `${facilities}/v1/facilities/${one.facility_id}`, { json: changed, headers: { "If-Match": `"${one.revision}"` } });
        } catch (error) {
          if (error.status !== 412) throw error;
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
