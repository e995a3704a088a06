// Anybody of the reader's area, found by name or phone: what is held, and what he asked in writing about his data.

import { ask, list } from "./api.js";
import { learnNames, placeName } from "./areas.js";
import { action, askInWindow, field, form, selectField } from "./form.js";
import { begin, day, fill, h, notice } from "./page.js";
import { save } from "./saving.js";

const SHOWN = 50;

begin({ title: "volunteers", signedIn: true }, async (main, who) => {
  const found = h("ul", { class: "list", label: "volunteers" });
  const by = selectField({ name: "by", label: "searchBy", options: [["name", "fullName"], ["phone", "phone"]], marked: false });
  const words = field({ name: "words", label: "searchFor", type: "search", maxlength: "200", marked: false });
  const searching = form({ parts: [by, words], submit: "search", quiet: true, send: search });
  searching.classList.add("search");
  main.append(h("section", { class: "card" }, h("p", { class: "soft", text: "volunteersExplained" }), searching), found);

  async function search({ by, words }) {
    const { entries, more } = await list("/v1/volunteers", "volunteers", { query: { [by]: words }, most: SHOWN });
    await learnNames(entries.map((one) => one.area));
    fill(found, entries.length > 0 ? entries.map(card) : h("li", { class: "empty", text: "nothingFound" }), more && h("li", { class: "empty", text: "moreBySearch" }));
  }

  function card(one) {
    const name = one.name ?? h("span", { text: "unreadable" });
    const copy = (form) => save(`/v1/volunteers/${one.volunteer_id}/copy`, null, { form });
    return h(
      "li",
      { "data-person": one.volunteer_id },
      h(
        "div",
        { class: "row" },
        h("span", { class: "grow" }, h("span", { class: "name" }, name), h("span", { class: "who", text: () => ` ${placeName(one.area, Math.max(2, who.area.length))()}` })),
        one.phone && h("a", { class: "button quiet", href: `tel:${one.phone}` }, one.phone),
        h("span", { class: `tag ${one.status === "approved" ? "good" : "late"}`, text: one.status }),
      ),
      h("p", { class: "who" }, h("span", { text: one.role }), h("span", { text: () => ` · ${day(one.registered_at)}` })),
      h(
        "details",
        {},
        h("summary", { text: "asksInWriting" }),
        h("p", { class: "soft", text: "asksInWritingExplained" }),
        h(
          "div",
          { class: "buttons" },
          action({ text: "copyToRead", run: () => copy("html") }),
          action({ text: "copyForPrograms", run: () => copy("json") }),
          action({ text: "eraseThem", class: "button bad", run: () => confirmErasure(one) }),
        ),
      ),
    );
  }

  function confirmErasure(one) {
    const warnings = [one.status === "suspended" && "eraseSuspended", "eraseTheirs", "eraseStays", "eraseTheirOffice", "eraseFinal"];
    const window = askInWindow({
      title: "eraseThemTitle",
      parts: [
        h("p", {}, h("strong", {}, one.name ?? ""), one.phone && ` ${one.phone}`),
        h("ul", { class: "steps" }, warnings.filter(Boolean).map((text) => h("li", { text }))),
        field({ name: "reason", label: "writtenRequest", hint: "writtenRequestHint", control: "textarea", maxlength: "1000" }),
      ],
      submit: "eraseForGood",
      send: async (values) => {
        await ask("POST", `/v1/volunteers/${one.volunteer_id}/erasure`, { json: values });
        found.querySelector(`[data-person="${one.volunteer_id}"]`).remove();
        notice("erasedThem", "good");
      },
    });
    window.querySelector("form button").classList.replace("primary", "bad");
    window.querySelector("textarea").focus();
  }
});
