// What every page of somebody who works with the system has: the head with its menu, and the place for notices.

import { holder, signOut } from "./api.js";
import { h, inLanguage, notice, speakAll, switchable } from "./elements.js";

const MARK = ["M16 28C7 21 4 16.6 4 11.8A6.8 6.8 0 0 1 16 7.4a6.8 6.8 0 0 1 12 4.4C28 16.6 25 21 16 28Z", "M14.2 10.5h3.600v3.700h3.700v3.600h-3.700v3.700h-3.600v-3.700h-3.700v-3.600h3.700z"];

export const ADMINISTRATORS = ["central_administrator", "province_administrator"];
export const STAFF = [...ADMINISTRATORS, "district_coordinator", "subdistrict_coordinator"];

/** Says what became of a request that failed. */
export function complain(error) {
  if (!error.isRefusal) throw error;
  notice(() => error.message);
}

/**
 * What begins the pages of a service that have this menu ({path, text, roles} each) and `foot`, a function that makes an
 * element: a function of {title, signedIn, wide, forCitizens} and `build`. It makes head, menu and an empty `main`, which is given to
 * `build` with who is signed in. Where `signedIn` is asked for, whoever is not is sent to sign in and comes back. A page
 * `forCitizens`, who have no account, offers no sign-in and no way to the pages of those who do.
 */
export function pages({ menu, foot = () => null }) {
  return (options, build) => begin({ menu, foot, ...options }, build);
}

async function begin({ title, signedIn = false, wide = false, forCitizens = false, menu, foot }, build) {
  const who = holder();
  if (signedIn && who === null) {
    location.replace(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
    return;
  }
  document.documentElement.lang = inLanguage();
  const main = h("main", { id: "main", tabindex: "-1", class: wide ? "wide" : null }, h("h2", { text: title }));
  document.body.replaceChildren(h("a", { class: "skip", href: "#main", text: "skip" }), head(who, menu, forCitizens && who === null), h("p", { id: "notice", class: "notice", role: "alert", hidden: true }), main, ...[foot()].filter(Boolean));
  speakAll(title);
  switchable(() => title);
  try {
    await build(main, who);
  } catch (error) {
    complain(error);
  }
  document.body.dataset.ready = ""; // what was asked for at the beginning is here
}

function head(who, pages, closed) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("viewBox", "0 0 32 32");
  drawing.setAttribute("class", "mark");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(
    ...MARK.map((line, index) => {
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", line);
      if (index) path.setAttribute("class", "inside");
      return path;
    }),
  );
  const entries = who ? pages.filter(({ roles }) => roles.includes(who.role)) : [];
  const menu = h(
    "nav",
    { id: "menu", class: "menu", label: "menu" },
    h("ul", {}, entries.map(({ path, text }) => h("li", {}, h("a", { href: path, text, "aria-current": path === location.pathname ? "page" : null })))),
  );
  const opener = h("button", {
    type: "button",
    class: "opener",
    "aria-expanded": "false",
    "aria-controls": "menu",
    text: "menu",
    on: {
      click: () => {
        const open = menu.classList.toggle("open");
        opener.setAttribute("aria-expanded", String(open));
      },
    },
  });
  const account = who
    ? h("button", { type: "button", class: "language", text: "signOut", on: { click: () => signOut() } })
    : h("a", { class: "language", href: "/sign-in", text: "signIn", hidden: closed || location.pathname === "/sign-in" });
  return h(
    "header",
    {},
    h(
      "div",
      { class: "top" },
      h(closed ? "div" : "a", { class: "brand", href: closed ? null : "/" }, drawing, h("h1", {}, h("span", { text: "name" }), h("small", { text: "subtitle" }))),
      entries.length > 0 && opener,
      account,
      h("a", { id: "language", class: "language" }),
    ),
    entries.length > 0 && menu,
  );
}
