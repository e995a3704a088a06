// The beginning: what this is, and the three ways in. Whoever is signed in sees what waits instead.

import { ask } from "./api.js";
import { areaChoice, learnNames, placeName } from "./areas.js";
import { field, form } from "./form.js";
import { begin, h, number, say, services, STAFF } from "./page.js";

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

/** What waits for whoever is signed in, by what the service says of him. */
async function standing({ role, area }) {
  const [me, { survey }] = await Promise.all([ask("GET", "/v1/me"), services().catch(() => ({})), learnNames([area])]);
  const place = placeName(area);
  const waits = [
    STAFF.includes(role) && ["/desk", "toDesk"],
    role === "place_officer" && ["/week", "myWeek"],
    role === "volunteer" && survey && [survey, "volunteerApp"],
    role === "external_system" && ["/subscribers", "subscribers"],
    me.directives.open > 0 && ["/directives", ["directivesWait", { count: () => number(me.directives.open) }]],
    me.training.missing.length > 0 && ["/training", ["trainingWaits", { count: () => number(me.training.missing.length) }]],
    me.problems.answered > 0 && ["/problems?view=mine", ["problemsAnswered", { count: () => number(me.problems.answered) }]],
  ].filter(Boolean);
  const others = [["/directives", "directives"], ["/training", "training"], ["/problems", "problems"]].filter(([path]) => !waits.some(([each]) => each.startsWith(path)));
  return h(
    "section",
    { class: "card" },
    h("p", { text: () => say("youAre", { role: say(role), area: place }) }),
    me.organisation && h("p", {}, h("a", { href: `/organisation?id=${me.organisation.organisation_id}` }, me.organisation.name)),
    h("div", { class: "choices" }, waits.map(([href, text]) => h("a", { class: "button primary", href, text })), others.map(([href, text]) => h("a", { class: "button", href, text }))),
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
