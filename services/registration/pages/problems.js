// Technical problems: say what does not work, see what became of it, work on those of one's area, read what is known.

import { ask, list } from "./api.js";
import { learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, form, selectField } from "./form.js";
import { begin, fill, h, moment, notice, number, say, STAFF } from "./page.js";

const CATEGORIES = ["sign_in", "registration", "survey", "places", "map", "reporting", "other"];
const LEVELS = ["subdistrict", "district", "province", "central"];
const SHOWN = 100;
const MOST_PICTURES = 3;
const WAITING = ["open", "in_progress"];

begin({ title: "problems", signedIn: true }, async (main, who) => {
  const staff = STAFF.includes(who.role);
  const asked = new URLSearchParams(location.search);
  const views = staff ? ["work", "mine", "known"] : ["mine", "known"];
  let view = views.includes(asked.get("view")) ? asked.get("view") : views[0];
  const shown = h("ul", { class: "list", label: "problems" });
  const tabs = h(
    "div",
    { class: "tabs", role: "group", label: "show" },
    views.map((each) =>
      h("button", {
        type: "button",
        class: "button",
        "data-view": each,
        text: `view_${each}`,
        on: {
          click: () => {
            view = each;
            history.replaceState(null, "", `?view=${each}`);
            load().catch((error) => notice(() => error.message));
          },
        },
      }),
    ),
  );
  main.append(raising(asked.get("page"), () => ((view = "mine"), load())), tabs, shown);
  await load();

  async function load() {
    for (const tab of tabs.children) tab.setAttribute("aria-pressed", String(tab.dataset.view === view));
    if (view === "known") {
      const { entries } = await list("/v1/known-problems", "known_problems", { most: SHOWN });
      fill(shown, entries.length > 0 ? entries.map(knownCard) : h("li", { class: "empty", text: "nothingKnown" }));
      return;
    }
    const { entries, more } = await list("/v1/problems", "problems", { query: view === "mine" ? { mine: true } : {}, most: SHOWN });
    await learnNames(entries.map((one) => one.area));
    // What waits comes first, and of that what waits longest; then what is settled, the latest first.
    const waits = (one) => WAITING.includes(one.state);
    const sorted = entries.toSorted((one, other) => waits(other) - waits(one) || (waits(one) ? one.due_at.localeCompare(other.due_at) : other.raised_at.localeCompare(one.raised_at)));
    fill(shown, sorted.length > 0 ? sorted.map((one) => card(one)) : h("li", { class: "empty", text: view === "mine" ? "noneOfMine" : "noneWaits" }), more && h("li", { class: "empty", text: "moreExist" }));
  }

  // ---- a ticket ----

  function card(one) {
    const inside = h("div", {});
    const details = h(
      "details",
      {
        "data-problem": one.problem_id,
        on: {
          toggle: () => {
            if (details.open) open(one, inside).catch((error) => notice(() => error.message));
          },
        },
      },
      h("summary", {}, h("span", {}, one.title ?? h("span", { text: "unreadable" }))),
      inside,
    );
    return h(
      "li",
      { "data-late": one.overdue },
      h(
        "p",
        { class: "row who" },
        h("span", { class: `tag ${one.state === "answered" ? "good" : WAITING.includes(one.state) ? "waiting" : ""}`, text: `state_${one.state}` }),
        one.overdue && h("span", { class: "tag late", text: "overdue" }),
        h("span", { text: () => `${say(`category_${one.category}`)} · ${placeName(one.area, 4)()} · ${say("atLevel", { level: say(`level_${one.level}`) })}` }),
      ),
      details,
    );
  }

  async function open(one, inside) {
    const ticket = await ask("GET", `/v1/problems/${one.problem_id}`);
    const pictures = h("div", {});
    fill(
      inside,
      h("p", { class: "said" }, ticket.text ?? ""),
      h(
        "dl",
        {},
        pair("raisedAt", () => moment(ticket.raised_at)),
        ticket.page && pair("page", () => ticket.page),
        ticket.due_at && pair("answeredUntil", () => moment(ticket.due_at)),
        (ticket.contact?.name || ticket.contact?.phone) && pair("raisedBy", () => [ticket.contact.name, ticket.contact.phone].filter(Boolean).join(" ")),
        ticket.duplicates.length > 0 && pair("alike", () => number(ticket.duplicates.length)),
      ),
      ticket.attachments.length > 0 && h("div", { class: "buttons" }, action({ text: ["showPictures", { count: ticket.attachments.length }], run: (button) => showPictures(ticket, pictures, button) })),
      pictures,
      ticket.answer && h("div", { class: "done" }, h("h3", { text: "answer" }), h("p", { class: "said" }, ticket.answer)),
      h("ol", { class: "steps who" }, ticket.history.map((step) => h("li", { class: "said", text: () => `${moment(step.at)} · ${say(`step_${step.kind}`)} · ${say(`level_${step.level}`)}${step.note ? `\n${step.note}` : ""}` }))),
      h("div", { class: "buttons" }, actions(ticket)),
    );
  }

  function pair(text, value) {
    return [h("dt", { text }), h("dd", { text: value })];
  }

  function actions(ticket) {
    const path = `/v1/problems/${ticket.problem_id}`;
    const waits = WAITING.includes(ticket.state);
    const works = staff && ticket.merged_into === null && LEVELS.indexOf(ticket.level) <= LEVELS.indexOf(levelOf(who.role));
    const step = async (name, json) => {
      await ask("POST", `${path}/${name}`, { json });
      await load();
      notice(`done_${name}`, "good");
    };
    return [
      works && waits && ticket.owner !== who.subject && action({ text: "take", run: () => step("assignment") }),
      works && ticket.state !== "closed" && action({ text: "giveAnswer", class: "button primary", run: () => answering(step) }),
      works && waits && ticket.level !== "central" && action({ text: "escalate", run: () => withNote("escalate", "escalateWhy", "escalation", step, false) }),
      works && waits && action({ text: "merge", run: () => merging(ticket, step) }),
      (ticket.mine || works) && ticket.state !== "closed" && action({ text: ticket.mine ? "solved" : "closeTicket", run: () => step("closing") }),
      ticket.mine && !waits && action({ text: "reopen", run: () => withNote("reopen", "reopenWhy", "reopening", step, true) }),
    ];
  }

  function withNote(title, label, name, step, required) {
    askInWindow({ title, parts: [field({ name: "note", label, control: "textarea", required })], submit: title, send: ({ note }) => step(name, note ? { note } : {}) });
  }

  async function answering(step) {
    const { entries } = await list("/v1/known-problems", "known_problems", { most: SHOWN });
    const options = [["", "noKnown"], ...entries.map((one) => [one.known_problem_id, () => titleOf(one)])];
    askInWindow({
      title: "giveAnswer",
      parts: [field({ name: "text", label: "answer", control: "textarea", required: false }), selectField({ name: "known_problem", label: "fromKnown", required: false, options })],
      submit: "sendAnswer",
      send: ({ text, known_problem: known }) => step("answer", { ...(text && { text }), ...(known && { known_problem: known }) }),
    });
  }

  async function merging(ticket, step) {
    const { entries } = await list("/v1/problems", "problems", { query: { category: ticket.category }, most: SHOWN });
    const others = entries.filter((one) => one.problem_id !== ticket.problem_id && one.merged_into === null && one.state !== "closed");
    if (others.length === 0) return notice("nothingToMerge");
    askInWindow({
      title: "merge",
      parts: [selectField({ name: "into", label: "mergeInto", options: others.map((one) => [one.problem_id, () => `${one.title ?? say("unreadable")} (${moment(one.raised_at)})`]) })],
      submit: "merge",
      send: ({ into }) => step("merge", { into }),
    });
  }
});

function levelOf(role) {
  return { subdistrict_coordinator: "subdistrict", district_coordinator: "district", province_administrator: "province", central_administrator: "central" }[role];
}

/** Screenshots come with the token, so they are fetched and shown from memory. */
async function showPictures(ticket, box, button) {
  const addresses = await Promise.all(
    ticket.attachments.map(async ({ attachment_id: id }) => asData(await (await ask("GET", `/v1/problems/${ticket.problem_id}/attachments/${id}`, { raw: true })).blob())),
  );
  fill(box, addresses.map((src, index) => h("img", { class: "picture", src, alt: say("pictureOf", { number: index + 1 }) })));
  button.hidden = true;
}

function asData(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(blob);
  });
}

// ---- raising one ----

function raising(page, raised) {
  const alike = h("div", { role: "status" });
  const title = field({ name: "title", label: "problemTitle", hint: "problemTitleHint", maxlength: "200" });
  const category = selectField({ name: "category", label: "category", options: CATEGORIES.map((each) => [each, `category_${each}`]) });
  title.querySelector("input").addEventListener("change", ({ target }) => showAlike(alike, target.value.trim()));
  const files = field({ name: "pictures", label: "screenshots", hint: "screenshotsHint", type: "file", accept: "image/png,image/jpeg,image/webp", multiple: true, required: false });
  const previews = h("div", {});
  files.append(previews);
  files.querySelector("input").addEventListener("change", async ({ target }) => {
    const addresses = await Promise.all([...target.files].slice(0, MOST_PICTURES).map(asData));
    fill(previews, addresses.map((src, index) => h("img", { class: "picture", src, alt: say("pictureOf", { number: index + 1 }) })));
  });
  const details = h("details", { class: "card", id: "raise", open: page !== null }, h("summary", { text: "raiseProblem" }));
  details.append(
    form({
      parts: [
        category,
        title,
        alike,
        field({ name: "text", label: "problemText", hint: "problemTextHint", control: "textarea", maxlength: "5000" }),
        field({ name: "page", label: "whichPage", required: false, value: page ?? "" }),
        files,
      ],
      submit: "send",
      send: async ({ pictures, page: where, ...values }, element) => {
        const { problem_id: id } = await ask("POST", "/v1/problems", { json: { ...values, ...(where && { page: where }) } });
        const failed = [];
        for (const picture of pictures.slice(0, MOST_PICTURES)) {
          // The ticket is in: a screenshot that is refused does not undo it.
          await ask("POST", `/v1/problems/${id}/attachments`, { body: picture, headers: { "Content-Type": picture.type } }).catch((error) => failed.push(error.message));
        }
        element.reset();
        fill(previews);
        fill(alike);
        details.open = false;
        await raised();
        notice(() => [say("problemRaised"), ...failed].join(" · "), failed.length > 0 ? "bad" : "good");
      },
    }),
  );
  return details;
}

/** What is known already, while somebody still writes: it may help at once. */
async function showAlike(box, text) {
  if (text.length < 3) return fill(box);
  try {
    const { known_problems: known } = await ask("GET", "/v1/problems/similar", { query: { text } });
    fill(box, known.length > 0 && [h("p", { class: "hint", text: "mayHelp" }), h("ul", { class: "list" }, known.slice(0, 3).map(knownCard))]);
  } catch (error) {
    if (!error.isRefusal) throw error;
    fill(box); // help that does not come holds nobody up
  }
}

function titleOf(known) {
  return known[document.documentElement.lang === "en" ? "title_en" : "title_th"];
}

function knownCard(known) {
  const details = h("details", {}, h("summary", { text: () => titleOf(known) }), h("p", { class: "said", text: () => known[document.documentElement.lang === "en" ? "answer_en" : "answer_th"] }));
  return h("li", {}, h("p", { class: "row who" }, h("span", { class: `tag ${known.state === "solved" ? "good" : "late"}`, text: `known_${known.state}` }), h("span", { text: `category_${known.category}` })), details);
}
