// Finding a person by name, phone or house. What is looked for goes in a body and never into an address.

import { ask } from "../api.js";
import { areaChoice } from "../areas.js";
import { field, form } from "../form.js";
import { fill, h, number } from "../page.js";
import { known } from "./list.js";
import { personCard } from "./person.js";

/** Shows the three ways to look, one at a time. */
export async function showSearch(place, { area, who }) {
  const volunteers = await known(who, area);
  const found = h("div", { role: "status" });
  const shown = h("section", { class: "card" });
  const ways = { name: byName, phone: byPhone, house: byHouse };
  const tabs = Object.keys(ways).map((way) => h("button", { type: "button", class: "button", text: `by_${way}`, "data-way": way, on: { click: () => show(way) } }));
  fill(place, h("div", { class: "tabs", role: "group", label: "searchBy" }, tabs), shown, h("p", { class: "hint", text: "searchNoted" }), found);
  show("name");

  function show(way) {
    for (const tab of tabs) tab.setAttribute("aria-pressed", String(tab.dataset.way === way));
    fill(found);
    fill(shown, ways[way]());
  }

  function byName() {
    return form({ parts: [field({ name: "name", label: "by_name", hint: "nameHint", autocomplete: "off" })], submit: "look", send: ({ name }) => look({ name, area }) });
  }

  function byPhone() {
    return form({ parts: [field({ name: "phone", label: "by_phone", hint: "phoneHint", type: "tel", autocomplete: "off" })], submit: "look", send: ({ phone }) => look({ phone, area }) });
  }

  function byHouse() {
    const choice = area.length === 6 ? null : areaChoice({ inside: area });
    return form({
      parts: [choice, field({ name: "village", label: "villageNumber", required: false, inputmode: "numeric", maxlength: "2", autocomplete: "off" }), field({ name: "house", label: "house", autocomplete: "off" })],
      submit: "look",
      send: ({ village, house }) => {
        const code = choice?.value ?? area;
        return look({ house: { area: code, house, village: village ? code + village.padStart(2, "0") : null } });
      },
    });
  }

  async function look(body) {
    const { items, more } = await ask("POST", "/v1/need-to-reach/search", { json: body });
    const said = more ? "foundMore" : "found";
    fill(found, h("p", { class: "big", text: [said, { number: () => number(items.length) }] }), h("ul", { class: "list" }, items.map((item) => personCard(item, { who, volunteers }))));
  }
}
