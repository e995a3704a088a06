// What the survey's pages for who works with it have: their words, their menu, and where they sign in.

import { useIssuer } from "./api.js";
import { h, services, useTexts } from "./elements.js";
import { pages, STAFF } from "./frame.js";
import { TEXTS } from "./text.js";

export * from "./elements.js";
export { complain, STAFF } from "./frame.js";

useTexts(TEXTS);
useIssuer(() => services().then(({ registration }) => registration ?? ""));

export const WORKERS = [...STAFF, "volunteer"];

const MENU = [
  { path: "/desk", text: "desk", roles: STAFF },
  { path: "/reach", text: "reach", roles: WORKERS },
  { path: "/help-map", text: "helpMap", roles: WORKERS },
  { path: "/privacy", text: "privacy", roles: STAFF },
  { path: "/odk", text: "odk", roles: WORKERS },
];

/** Begins a page: see `pages` in frame.js. */
export const begin = pages({ menu: MENU, foot });

function foot() {
  const links = h("p", {}, h("a", { href: "/help", text: "askForHelp" }), " · ", h("a", { href: "/privacy", text: "myData" }), " · ", h("a", { href: "/docs", text: "interface" }));
  services().then(
    ({ registration, reporting }) => {
      if (reporting) links.prepend(h("a", { href: reporting, text: "liveMap" }), " · ");
      if (registration) links.prepend(h("a", { href: registration, text: "registration" }), " · ");
    },
    () => {}, // without them the page does what it is for
  );
  return h("footer", { class: "credits" }, links);
}
