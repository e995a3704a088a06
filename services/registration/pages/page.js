// What every page has: words in the reader's language, elements, the head with its menu, and the place for notices.

import { h, services, useTexts } from "./elements.js";
import { pages, STAFF } from "./frame.js";
import { TEXTS } from "./text.js";

export * from "./elements.js";
export { complain, STAFF } from "./frame.js";

useTexts(TEXTS);

const PEOPLE = [...STAFF, "volunteer", "place_officer"];
const KEEPERS = [...STAFF, "place_officer"];

const MENU = [
  { path: "/desk", text: "desk", roles: STAFF },
  { path: "/approvals", text: "approvals", roles: STAFF },
  { path: "/volunteers", text: "volunteers", roles: STAFF },
  { path: "/organisation", text: "organisation", roles: STAFF },
  { path: "/performance", text: "performance", roles: STAFF },
  { path: "/week", text: "myWeek", roles: KEEPERS },
  { path: "/lists", text: "lists", roles: KEEPERS },
  { path: "/problems", text: "problems", roles: PEOPLE },
  { path: "/training", text: "training", roles: PEOPLE },
  { path: "/directives", text: "directives", roles: PEOPLE },
  { path: "/coordinators", text: "coordinators", roles: PEOPLE },
  { path: "/me", text: "myData", roles: PEOPLE },
  { path: "/monitor", text: "monitor", roles: STAFF },
  { path: "/denominators", text: "denominators", roles: ["central_administrator"] },
];

/** Begins a page: see `pages` in frame.js. */
export const begin = pages({ menu: MENU, foot });

function foot() {
  const links = h("p", {}, h("a", { href: "/docs", text: "interface" }));
  services().then(
    ({ reporting, survey, messages }) => {
      if (survey) links.prepend(h("a", { href: survey, text: "volunteerApp" }), " · ", h("a", { href: `${survey}/help`, text: "askVolunteers" }), " · ");
      if (reporting) links.prepend(h("a", { href: reporting, text: "liveMap" }), " · ");
      if (messages) links.append(" · ", h("a", { href: "/messages", text: "messages" }));
    },
    () => {}, // without them the page does what it is for
  );
  return h("footer", { class: "credits" }, links);
}
