// Subscribers of the streams: a subscriber sees what it receives, the centre sees all of them, administrators see who got
// what of their area. A system signs in here, with its account's secret.

import { signInAsSystem } from "./api.js";
import { field, form } from "./form.js";
import { begin, h, notice, services } from "./page.js";
import { centreView } from "./subscribers/centre.js";
import { ownView } from "./subscribers/own.js";
import { transfersView } from "./subscribers/transfers.js";

start();

function start() {
  return begin({ title: "subscribers", wide: true }, async (main, who) => {
    const { reporting } = await services();
    if (!reporting) return notice("serviceAway");
    if (who === null) return main.append(signIn());
    if (who.role === "external_system") return ownView(main, who, reporting);
    if (who.role === "central_administrator") return centreView(main, who, reporting);
    if (who.role === "province_administrator") return transfersView(main, who, reporting, new Map());
    main.append(h("p", { class: "empty", text: "notASubscriber" }));
  });
}

/** The page is made anew in place: the secret stays in its memory, so that the sign-in lasts as long as it is open. */
function signIn() {
  return h(
    "section",
    { class: "card narrow-card" },
    h("h3", { text: "systemSignIn" }),
    h("p", { class: "hint", text: "systemSignInHint" }),
    form({
      parts: [
        field({ name: "client_id", label: "clientId", autocomplete: "username", maxlength: "36", spellcheck: "false" }),
        field({ name: "client_secret", label: "clientSecret", type: "password", autocomplete: "current-password", maxlength: "200" }),
      ],
      submit: "signIn",
      send: async ({ client_id: id, client_secret: secret }) => {
        await signInAsSystem(id, secret);
        await start();
      },
    }),
    h("p", { class: "hint" }, h("a", { href: "/sign-in?next=/subscribers", text: "administratorsSignIn" })),
  );
}
