// A citizen asks for help, sees what becomes of it, cancels. No account: a code proves the phone.
//
// The token lies in the tab's sessionStorage and opens what concerns this phone alone. What is asked has its id before it
// is sent, and both are kept until it is answered: sent again after a lost answer, it is the same request.

import { areaChoice, learnNames, placeName } from "./help-areas.js";
import { ask, begin, button, complain, field, h, inLanguage, moment, notice, Refusal, services, speak } from "./help-page.js";

const TOKEN = "jitasa.citizen";
const PENDING = "jitasa.help-pending";
const EARLY_MS = 60_000;
const LOOK_MS = 10_000; // how often the state is asked for while the page is in view
const POSITION_MS = 15_000;

const kept = (name) => {
  try {
    return JSON.parse(sessionStorage.getItem(name));
  } catch {
    return null;
  }
};
const keep = (name, value) => (value === null ? sessionStorage.removeItem(name) : sessionStorage.setItem(name, JSON.stringify(value)));

/** The proof of a phone that still holds: {phone, token}. */
function proof() {
  const found = kept(TOKEN);
  return found !== null && found.expires - Date.now() > EARLY_MS ? found : null;
}

let kinds = [];
let looking = 0;
const kindName = (code) => () => kinds.find((kind) => kind.code === code)?.[`name_${inLanguage()}`] ?? code;

const main = begin("ask");
start().catch(complain);

async function start() {
  kinds = await ask("/v1/help-requests/kinds");
  if (proof() !== null) await showMine();
  else showForm();
  document.body.dataset.ready = "";
}

function put(...children) {
  clearInterval(looking);
  main.replaceChildren(...children);
  window.scrollTo(0, 0);
}

function showForm() {
  let position = null;
  const known = proof();
  const choices = kinds.map(({ code }) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name: "kind", value: code }), h("span", { text: kindName(code) })),
  );
  const kindError = h("p", { class: "error", id: "kind-error", hidden: true, text: "required" });
  const kindBox = h("fieldset", { "aria-describedby": "kind-error" }, h("legend", { text: "whatNeeded" }), h("div", { class: "kinds" }, choices), kindError);
  const people = field({ name: "people", label: "people", type: "number", min: "1", max: "50", value: "1", inputmode: "numeric" });
  const area = areaChoice();
  const found = h("p", { class: "hint", role: "status", hidden: true });
  const drop = h("button", { type: "button", class: "button quiet", text: "withoutPosition", hidden: true });
  const here = button("usePosition", async () => {
    found.hidden = false;
    speak(found, { text: "findingPosition" });
    try {
      const { coords } = await new Promise((resolve, reject) =>
        navigator.geolocation.getCurrentPosition(resolve, reject, { enableHighAccuracy: true, timeout: POSITION_MS, maximumAge: 60_000 }),
      );
      position = { lat: coords.latitude, lon: coords.longitude, accuracy_m: Math.min(coords.accuracy, 1_000_000) };
      speak(found, { text: ["positionFound", { metres: Math.round(coords.accuracy) }] });
      drop.hidden = false;
      const near = await ask("/v1/help-requests/district", { method: "POST", json: { lat: position.lat, lon: position.lon } });
      if (near.area !== null && !area.value.startsWith(near.area)) await area.set(near.area);
    } catch (error) {
      if (position === null) speak(found, { text: "positionRefused" });
      else if (!error.isRefusal) throw error;
    }
  });
  drop.addEventListener("click", () => {
    position = null;
    found.hidden = drop.hidden = true;
  });
  const address = field({ name: "address", label: "address", optional: true, maxlength: "300", autocomplete: "street-address" });
  const note = field({ name: "note", label: "note", optional: true, control: "textarea", maxlength: "500", rows: "3" });
  const name = field({ name: "name", label: "yourName", optional: true, maxlength: "100", autocomplete: "name" });
  const phone = field({ name: "phone", label: "phone", hint: "phoneHint", type: "tel", inputmode: "tel", autocomplete: "tel", value: known?.phone ?? null, readonly: known !== null });
  const fields = { people, address, note, name, phone };

  const send = h("button", { class: "button primary", text: known === null ? "sendCode" : "sendAtOnce" });
  const form = h(
    "form",
    { novalidate: true, class: "card" },
    kindBox,
    h("section", { class: "group" }, h("h2", { text: "where" }), area.element, here, found, drop, address.element),
    people.element,
    note.element,
    name.element,
    phone.element,
    h("p", { class: "hint", text: "privacy" }),
    send,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    notice();
    for (const each of Object.values(fields)) each.showError();
    const kind = form.querySelector("input[name=kind]:checked")?.value;
    kindError.hidden = kind !== undefined;
    if (kind === undefined) return form.querySelector("input[name=kind]").focus();
    if (area.value === "") return area.showError("required");
    if (phone.control.value.trim() === "") {
      phone.showError("required");
      return phone.control.focus();
    }
    const body = {
      request_id: crypto.randomUUID(),
      kind,
      people: Number(people.control.value),
      area: area.value,
      position,
      address: address.control.value.trim() || null,
      note: note.control.value.trim() || null,
      name: name.control.value.trim() || null,
      phone: phone.control.value.trim(),
    };
    send.disabled = true;
    try {
      if (proof() === null) await prove(body.phone, () => deliver(body), "confirm");
      else await deliver(body);
    } catch (error) {
      show(error, fields);
    } finally {
      send.disabled = false;
    }
  });
  put(
    h("p", { class: "emergency" }, h("a", { href: "tel:1669", text: "emergency" })),
    form,
    h("p", {}, button("seeMine", () => (proof() === null ? askPhone() : showMine()), { class: "button quiet" })),
  );
}

/** What is wrong is said beside the field that it is about, anything else at the top. */
function show(error, fields) {
  if (!error.isRefusal) throw error;
  const [first] = error.errors;
  const found = fields[first?.path.split(".")[0]];
  if (found === undefined) return complain(error);
  found.showError(() => first.message);
  found.control.focus();
}

/** Only to see one's requests again. */
function askPhone() {
  const phone = field({ name: "phone", label: "phone", type: "tel", inputmode: "tel", autocomplete: "tel" });
  const form = h("form", { novalidate: true, class: "card" }, phone.element, h("button", { class: "button primary", text: "sendCode" }));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    phone.showError();
    try {
      await prove(phone.control.value.trim(), showMine, "confirmOnly");
    } catch (error) {
      show(error, { phone });
    }
  });
  put(form, h("p", {}, button("back", showForm, { class: "button quiet" })));
  phone.control.focus();
}

/** Sends a code to the phone and asks for it; `then` is called when it is proved. */
async function prove(phone, then, confirm) {
  const { registration } = await services();
  const { proof_id: id } = await ask(`${registration}/v1/phone-proofs`, { method: "POST", json: { phone } });
  const code = field({ name: "code", label: "code", inputmode: "numeric", autocomplete: "one-time-code", maxlength: "12", class: "code" });
  const send = h("button", { class: "button primary", text: confirm });
  const form = h("form", { novalidate: true, class: "card" }, h("h2", { text: ["codeSent", { phone }] }), code.element, h("p", { class: "hint", text: "noCode" }), send);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    notice();
    code.showError();
    try {
      if (proof() === null) {
        const given = await ask(`${registration}/v1/phone-proofs/${id}/token`, { method: "POST", json: { code: code.control.value } });
        keep(TOKEN, { phone, token: given.access_token, expires: Date.now() + given.expires_in * 1000 });
      }
      await then();
    } catch (error) {
      show(error, { code });
    } finally {
      send.disabled = false;
    }
  });
  const others = [...main.children];
  put(form, h("p", {}, button("back", () => put(...others), { class: "button quiet" })));
  code.control.focus();
}

/** Sends what is asked, under the same id until it is answered. */
async function deliver(body) {
  const before = kept(PENDING);
  const same = before !== null && JSON.stringify({ ...before, request_id: null }) === JSON.stringify({ ...body, request_id: null });
  const sent = same ? before : body;
  keep(PENDING, sent);
  try {
    await ask("/v1/help-requests", { method: "POST", json: sent, token: proof()?.token ?? null });
  } catch (error) {
    if (error instanceof Refusal && error.status >= 400 && error.status < 500 && error.status !== 429) keep(PENDING, null);
    throw error;
  }
  keep(PENDING, null);
  await showMine();
}

async function showMine() {
  const list = h("ul", { class: "requests", "aria-live": "polite" });
  put(h("h2", { text: "myRequests" }), list, h("p", { class: "buttons" }, button("askMore", showForm, { class: "button" })));
  let drawn = "";
  const look = async () => {
    const token = proof()?.token;
    if (token === undefined) return askPhone();
    const { requests } = await ask("/v1/help-requests/mine", { token });
    const now = JSON.stringify(requests);
    if (now === drawn) return;
    drawn = now;
    await learnNames(requests.map(({ area }) => area));
    list.replaceChildren(...(requests.length ? requests.map((request) => own(request, look)) : [h("li", { class: "empty", text: "none" })]));
  };
  await look();
  looking = setInterval(() => document.visibilityState === "visible" && look().catch(() => {}), LOOK_MS);
}

const OPEN = ["waiting", "accepted", "helping"];

function own(request, look) {
  const { status, deadline } = request;
  const item = h(
    "li",
    { "data-status": status, "data-request": request.request_id },
    h("p", { class: "state" }, h("strong", { text: status })),
    h("p", {}, h("span", { text: kindName(request.kind) }), " · ", h("span", { text: ["persons", { people: request.people }] }), " · ", h("span", { text: placeName(request.area) })),
    h("p", { class: "hint", text: ["askedAt", { at: () => moment(request.asked_at) }] }),
    request.accepted_at && h("p", { class: "hint", text: ["acceptedAt", { at: () => moment(request.accepted_at) }] }),
    deadline && OPEN.includes(status) && h("p", { class: "hint", text: [status === "waiting" ? "acceptBy" : "helpBy", { at: () => moment(deadline) }] }),
    request.merged && h("p", { class: "hint", text: "wasMerged" }),
  );
  if (!OPEN.includes(status) || request.merged) return item;
  const sure = h(
    "p",
    { class: "buttons", hidden: true },
    button(
      "sureCancel",
      async () => {
        await ask(`/v1/help-requests/${request.request_id}/cancellation`, { method: "POST", token: proof()?.token ?? null });
        await look();
      },
      { class: "button bad" },
    ),
    button("keepIt", () => {
      sure.hidden = true;
      first.hidden = false;
    }),
  );
  const first = button(
    "cancel",
    () => {
      sure.hidden = false;
      first.hidden = true;
    },
    { class: "button quiet" },
  );
  item.append(first, sure);
  return item;
}
