// Who waits for approval in the reader's area, the longest first: approve or refuse, one by one or several at once.

import { ask, list } from "./api.js";
import { learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, selectField } from "./form.js";
import { begin, day, fill, h, notice, number, say } from "./page.js";

const AT_ONCE = 100; // shown, and decided about with one press: what somebody can look at

begin({ title: "approvals", signedIn: true, wide: true }, async (main, who) => {
  const bar = h("div", { class: "bar", role: "group", label: "chosen" });
  const waiting = h("ul", { class: "list two", label: "approvals" });
  main.append(bar, waiting);
  await load();

  async function load() {
    const { entries, more } = await list("/v1/approvals", "volunteers", { most: AT_ONCE });
    await learnNames(entries.map((one) => one.area));
    show(entries, more);
  }

  function show(entries, more) {
    bar.hidden = entries.length === 0;
    if (entries.length === 0) {
      fill(waiting, h("li", { class: "empty", text: "nobodyWaits" }));
      return;
    }
    const all = h("input", { type: "checkbox", id: "all" });
    const boxes = () => [...waiting.querySelectorAll("input[type=checkbox]")];
    const chosen = () => boxes().filter((box) => box.checked).map((box) => entries.find((one) => one.volunteer_id === box.value));
    const count = h("span", { text: () => say("chosenOf", { chosen: number(chosen().length), all: number(boxes().length) + (more ? "+" : "") }), "aria-live": "polite" });
    const approve = action({ text: "approveChosen", class: "button primary", run: () => approveAll(chosen()) });
    const refuse = action({ text: "refuseChosen", class: "button bad", run: () => refuseAll(chosen()) });
    const changed = () => {
      const ticked = chosen().length;
      all.checked = ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
      approve.disabled = refuse.disabled = ticked === 0;
      count.textContent = say("chosenOf", { chosen: number(ticked), all: number(boxes().length) + (more ? "+" : "") });
    };
    all.addEventListener("change", () => {
      for (const box of boxes()) box.checked = all.checked;
      changed();
    });
    fill(bar, h("span", { class: "tick grow" }, all, h("label", { for: "all" }, h("span", { class: "unseen", text: "chooseAll" }), count)), approve, refuse);
    fill(waiting, entries.map((one) => card(one, changed)));
    changed();
  }

  function card(one, changed) {
    const id = `person-${one.volunteer_id}`;
    return h(
      "li",
      { "data-late": one.overdue, "data-person": one.volunteer_id },
      h(
        "div",
        { class: "row" },
        h("input", { type: "checkbox", id, value: one.volunteer_id, on: { change: changed } }),
        h(
          "label",
          { for: id, class: "grow" },
          h("span", { class: "name" }, one.name ?? h("span", { text: "unreadable" })),
          h("span", { class: "who", text: placeName(one.area, Math.max(2, who.area.length)) }),
        ),
        one.overdue && h("span", { class: "tag late", text: "overdue" }),
      ),
      h(
        "p",
        { class: "who" },
        one.phone && h("a", { href: `tel:${one.phone}` }, one.phone),
        h("span", { text: () => ` ${say(one.organisation_kind)} · ${say("waitingSince", { day: day(one.waiting_since) })}` }),
        one.refused_before && h("span", { text: () => ` · ${say("refusedBefore")}` }),
        one.national_id_shared && h("span", { text: () => ` · ${say("nationalIdShared")}` }),
        one.assisted_by && h("span", { text: () => ` · ${say("assisted")}` }),
      ),
      h(
        "div",
        { class: "buttons" },
        action({ text: "approve", class: "button primary", label: () => say("approveWho", { name: one.name ?? "" }), run: () => approveAll([one]) }),
        action({ text: "refuse", class: "button bad", label: () => say("refuseWho", { name: one.name ?? "" }), run: () => refuseAll([one]) }),
      ),
    );
  }

  async function approveAll(people) {
    const { results } = await ask("POST", "/v1/approvals", { json: { volunteer_ids: people.map((one) => one.volunteer_id), decision: "approve" } });
    const others = results.filter(({ outcome }) => outcome !== "approved" && outcome !== "unchanged");
    await tell(["approvedCount", { count: number(results.length - others.length) }], others.map(({ message }) => message));
  }

  function refuseAll(people) {
    const other = field({ name: "words", label: "reasonInWords", hint: "reasonHint", control: "textarea", maxlength: "1000" });
    const reasons = ["reasonUnknown", "reasonOtherArea", "reasonTwice", "reasonOther"];
    const select = selectField({ name: "why", label: "reason", options: reasons.map((key) => [key, key]) });
    other.hidden = true;
    other.querySelector("textarea").removeAttribute("aria-required");
    select.querySelector("select").addEventListener("change", ({ target }) => {
      other.hidden = target.value !== "reasonOther";
      other.querySelector("textarea").toggleAttribute("aria-required", !other.hidden);
      if (!other.hidden) other.querySelector("textarea").setAttribute("aria-required", "true");
    });
    askInWindow({
      title: ["refuseTitle", { count: number(people.length) }],
      parts: [select, other],
      submit: "refuse",
      send: async ({ why, words }) => {
        const reason = why === "reasonOther" ? words : say(why);
        const failed = [];
        for (const { volunteer_id: id, revision } of people) {
          try {
            await ask("POST", `/v1/volunteers/${id}/refusal`, { query: { revision }, json: { reason } });
          } catch (error) {
            // With one alone the window says why; of several the others go on.
            if (!error.isRefusal || people.length === 1) throw error;
            failed.push(error.message);
          }
        }
        await tell(["refusedCount", { count: number(people.length - failed.length) }], failed);
      },
    });
  }

  async function tell(what, problems) {
    await load();
    notice(() => [say(...what), ...new Set(problems)].join(" · "), problems.length > 0 ? "bad" : "good");
  }
});
