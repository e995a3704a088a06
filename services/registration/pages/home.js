// The beginning: what this is, and the three ways in. Whoever is signed in sees what waits instead.

import { ask } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { field, form } from "./form.js";
import { begin, h, say, STAFF } from "./page.js";

begin({ title: "welcome" }, async (main, who) => {
  main.append(h("p", { class: "lead", text: "whatThisIs" }), who ? await standing(who) : ways());
  if (!who) main.append(steps(), help());
});

function ways() {
  return h(
    "div",
    { class: "choices" },
    h("a", { class: "button primary", href: "/sign-up", text: "signUp" }),
    h("a", { class: "button", href: "/sign-in", text: "signIn" }),
    h("a", { class: "button", href: "#help", text: "helpMe" }),
  );
}

async function standing({ role, area }) {
  await learnNames([area]);
  const place = placeName(area);
  const first = STAFF.includes(role) ? ["/desk", "toDesk"] : ["/training", "training"];
  return h(
    "section",
    { class: "card" },
    h("p", { text: () => say("youAre", { role: say(role), area: place }) }),
    h(
      "div",
      { class: "choices" },
      h("a", { class: "button primary", href: first[0], text: first[1] }),
      h("a", { class: "button", href: "/directives", text: "directives" }),
      h("a", { class: "button", href: "/problems", text: "problems" }),
    ),
  );
}

function steps() {
  return h(
    "section",
    { class: "card" },
    h("h3", { text: "howItWorks" }),
    h("ol", { class: "steps" }, ["step1", "step2", "step3", "step4"].map((text) => h("li", { text }))),
    h("p", { class: "hint", text: "privacy" }),
  );
}

function help() {
  const area = areaChoice({ label: "whereYouLive" });
  const asking = form({
    parts: [
      field({ name: "name", label: "fullName", autocomplete: "name", maxlength: "200" }),
      field({ name: "phone", label: "phone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel" }),
      area,
    ],
    submit: "askForHelp",
    send: async (values) => {
      await ask("POST", "/v1/registration-help", { json: values });
      const done = h("div", { class: "done", tabindex: "-1", role: "status" }, h("h3", { text: "helpAsked" }), h("p", { text: "helpAskedNext" }));
      asking.replaceWith(done);
      done.focus();
    },
  });
  return h("section", { class: "card", id: "help" }, h("h3", { text: "helpMe" }), h("p", { class: "soft", text: "helpExplained" }), asking);
}
