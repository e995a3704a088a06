// The coordinator's desk: which area, and what of it is to be seen. Both stand in the address, so that a view can be kept,
// sent on, and gone back to.

import { areaChoice, learnNames, placeName } from "../areas.js";
import { begin, h, STAFF } from "../page.js";
import { showCoverage } from "./coverage.js";
import { showFlagged } from "./flagged.js";
import { showLists } from "./lists.js";
import "./text.js";
import { showVillage, villageName } from "./village.js";
import { showVolunteers } from "./volunteers.js";

const DISTRICT = 4; // digits of the widest area that is looked at house by house
const VIEWS = { houses: showCoverage, volunteers: showVolunteers, flagged: showFlagged, lists: showLists };

const asked = new URLSearchParams(location.search);
const view = asked.get("view") in VIEWS ? asked.get("view") : "houses";
const village = asked.get("village");

begin({ title: "desk", signedIn: true, wide: true }, async (main, who) => {
  if (!STAFF.includes(who.role)) {
    main.append(h("p", { class: "empty", text: "coordinatorsOnly" }));
    return;
  }
  const named = asked.get("area") ?? who.area;
  const area = named.startsWith(who.area) && /^(\d\d){0,3}$/.test(named) ? named : who.area;
  await learnNames([area]);
  main.append(path(area, who.area));
  if (area.length < DISTRICT) {
    main.append(choice(who.area));
    return;
  }
  main.append(
    h(
      "nav",
      { class: "tabs", label: "views" },
      Object.keys(VIEWS).map((each) => h("a", { class: "button", href: address({ area, view: each }), text: `view_${each}`, "aria-current": each === view ? "page" : null })),
    ),
  );
  const place = h("div", {});
  main.append(place);
  if (view === "houses" && village !== null && area.length === 6) await showVillage(place, { area, village, who });
  else await VIEWS[view](place, { area, who, address });
});

/** The address of this page for an area, a view and, if wanted, a village. */
function address(wanted) {
  return `?${new URLSearchParams(Object.entries(wanted).filter(([, value]) => value !== undefined))}`;
}

/** From the reader's own area down to the one that is shown, each step a way back. */
function path(area, own) {
  const steps = [];
  for (let digits = Math.max(own.length, 2); digits <= area.length; digits += 2) steps.push(area.slice(0, digits));
  const isVillage = view === "houses" && village !== null && area.length === 6;
  const links = steps.map((code) => (code === area && !isVillage ? h("span", { "aria-current": "true", text: placeName(code, code.length) }) : h("a", { href: address({ area: code, view }), text: placeName(code, code.length) })));
  if (isVillage) links.push(h("span", { "aria-current": "true", text: villageName(village) }));
  return h("nav", { class: "path", label: "whichArea" }, links);
}

/** Who works for a province or the country chooses a district. */
function choice(inside) {
  const chosen = areaChoice({ label: "chooseDistrict", inside, depth: DISTRICT, changed: go });
  function go() {
    if (chosen.value.length === DISTRICT) location.assign(address({ area: chosen.value, view }));
  }
  return h("section", { class: "card" }, chosen.element);
}
