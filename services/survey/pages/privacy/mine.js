// For whoever the data is about: the notice, proving a phone, asking, and what became of it.

import { areaChoice } from "../areas.js";
import { ask } from "../api.js";
import { askAsCitizen, askPhone, endProof, provenPhone } from "../citizen.js";
import { action, field, form, selectField } from "../form.js";
import { day, fill, h, notice } from "../page.js";
import { save } from "../papers.js";

const KINDS = ["access", "correction", "erasure", "objection"];
const LEAD = { waiting: "waiting", accepted: "waiting", done: "good", refused: "bad", withdrawn: "" };

/** Shows the page; staff get a way to their work. */
export async function showMine(main, isStaff) {
  const told = h("section", { class: "card" });
  const place = h("div", {});
  if (isStaff) main.append(h("p", { class: "buttons" }, h("a", { class: "button", href: "?work", text: "toWork" })));
  main.append(place, told);
  await showNotice(told);
  if (provenPhone() !== null) await showOwn(place);
  else begin(place);
}

async function showNotice(place) {
  const { version, since, text } = await ask("GET", "/v1/notices/current");
  place.append(h("h3", { text: "noticeTitle" }), ...text.map((one) => h("p", {}, one)), h("p", { class: "hint", text: ["noticeVersion", { version, since: () => day(since) }] }));
}

function begin(place) {
  askPhone(place, { title: "proveFirst", hint: "proveHint", done: () => showOwn(place) });
}

async function showOwn(place) {
  const listed = h("ul", { class: "list", id: "requests" });
  fill(
    place,
    h("section", { class: "card" }, h("h3", { text: "myRequests" }), listed, h("p", { class: "buttons" }, action({ text: "endProof", class: "button quiet", run: () => (endProof(), begin(place)) }))),
    h("section", { class: "card" }, h("h3", { text: "askNow" }), asking(async (values) => {
      await askAsCitizen("POST", "/v1/my-requests", { json: values });
      await showOwn(place);
      notice("requestSent", "good");
    })),
  );
  await load();

  async function load() {
    const { items } = await askAsCitizen("GET", "/v1/my-requests");
    fill(listed, items.length === 0 ? h("li", { class: "empty", text: "noRequests" }) : items.map(card));
  }

  function card(one) {
    const at = `/v1/my-requests/${one.request_id}`;
    const copy = async (form_) => hand(await askAsCitizen("GET", `${at}/copy?form=${form_}`, { raw: true }), form_);
    return h(
      "li",
      { "data-request": one.request_id },
      h(
        "div",
        { class: "row" },
        h("span", { class: "grow" }, h("b", { text: `kind_${one.kind}` }), one.house && h("span", { class: "who", text: ["houseAt", { house: one.house }] }), h("span", { class: "hint", text: ["askedOn", { asked: () => day(one.asked_at), due: () => day(one.due_at) }] })),
        h("span", { class: `tag ${LEAD[one.state]}`, text: `state_${one.state}` }),
      ),
      one.reason && h("p", {}, h("span", { text: "reasonGiven" }), ": ", one.reason),
      h(
        "p",
        { class: "buttons" },
        one.can_fetch && action({ text: "copyHtml", class: "button primary", run: () => copy("html") }),
        one.can_fetch && action({ text: "copyJson", class: "button", run: () => copy("json") }),
        one.state === "waiting" && action({ text: "withdraw", class: "button quiet", run: async () => { await askAsCitizen("POST", `${at}/withdrawal`, { json: {} }); await load(); } }),
      ),
    );
  }
}

/** The form of a request; `send` gets its body. `more` are further parts, whose values go along. */
export function asking(send, more = []) {
  const area = areaChoice({ name: "area", label: "area" });
  let id = crypto.randomUUID(); // the same until it has arrived: sending again is the same request
  return form({
    parts: [
      selectField({ name: "kind", label: "kind", options: KINDS.map((each) => [each, `kind_${each}`]) }),
      area,
      field({ name: "house", label: "house", maxlength: "60" }),
      field({ name: "unit", label: "unit", required: false, maxlength: "60" }),
      field({ name: "village", label: "village", required: false, inputmode: "numeric", maxlength: "8" }),
      field({ name: "name", label: "yourName", required: false, maxlength: "200", autocomplete: "name" }),
      field({ name: "text", label: "whatExactly", control: "textarea", required: false, maxlength: "1000" }),
      ...more,
    ],
    submit: "sendRequest",
    send: async (values) => {
      await send({ request_id: id, ...Object.fromEntries(Object.entries(values).filter(([, value]) => value !== "")) });
      id = crypto.randomUUID();
    },
  });
}

/** Gives a file that was fetched to the reader. */
export async function hand(answer, kind) {
  const address = URL.createObjectURL(await answer.blob());
  save(address, `my-data.${kind}`);
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // a slow phone begins to save within that
}

