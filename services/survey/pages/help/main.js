// A citizen asks for help, sees what becomes of it, cancels. No account: a code proves the phone.
//
// What is asked has its id before it is sent, and both are kept until it is answered: sent again after a lost answer, it is
// the same request.

import { ask } from "../api.js";
import { areaChoice, learnNames, placeName } from "../areas.js";
import { askAsCitizen, askPhone, prove, provenPhone } from "../citizen.js";
import { action, field, form } from "../form.js";
import { whereThisIs } from "../here.js";
import { begin, fill, h, inLanguage, moment, number, speak } from "../page.js";
import "./text.js";

const PENDING = "jitasa.help-pending";
const LOOK_MS = 10_000; // how often the state is asked for while the page is in view
const OPEN = ["waiting", "accepted", "helping"];

const place = h("div", {});
let kinds = [];
let looking = 0;
const kindName = (code) => () => kinds.find((kind) => kind.code === code)?.[`name_${inLanguage()}`] ?? code;

begin({ title: "askForHelp", forCitizens: true }, async (main) => {
  main.append(place);
  kinds = await ask("GET", "/v1/help-requests/kinds", { token: null });
  if (provenPhone() === null) showForm();
  else await showMine();
});

function put(...children) {
  clearInterval(looking);
  fill(place, children);
  scrollTo(0, 0);
}

function showForm() {
  const known = provenPhone();
  const area = areaChoice({ label: "where" });
  const position = positionChoice(area);
  const asking = form({
    parts: [
      kindChoice(),
      area,
      ...position.parts,
      field({ name: "address", label: "address", required: false, maxlength: "300", autocomplete: "street-address" }),
      field({ name: "people", label: "people", type: "number", min: "1", max: "50", value: "1", inputmode: "numeric" }),
      field({ name: "note", label: "note", control: "textarea", required: false, maxlength: "500", rows: "3" }),
      field({ name: "name", label: "yourName", required: false, maxlength: "100", autocomplete: "name" }),
      field({ name: "phone", label: "phone", hint: "helperCalls", type: "tel", inputmode: "tel", autocomplete: "tel", value: known, readonly: known !== null }),
      h("p", { class: "hint", text: "privacyNote" }),
    ],
    submit: known === null ? "sendCode" : "askForHelp",
    send: async (values) => {
      const body = {
        request_id: crypto.randomUUID(),
        kind: values.kind,
        people: Number(values.people),
        area: values.area,
        position: position.value,
        address: values.address || null,
        note: values.note || null,
        name: values.name || null,
        phone: values.phone,
      };
      if (provenPhone() === null) await prove(place, body.phone, { submit: "confirm", done: () => deliver(body), back: () => put(...filledIn) });
      else await deliver(body);
    },
  });
  const filledIn = [
    h("p", { class: "emergency" }, h("a", { href: "tel:1669", text: "emergency" })),
    h("section", { class: "card" }, asking),
    h("p", {}, action({ text: "seeMine", class: "button quiet", run: () => (provenPhone() === null ? provePhone() : showMine()) })),
  ];
  put(...filledIn);
}

/** What is needed, of the kinds that the service names: a choice as `form` takes it. */
function kindChoice() {
  const error = h("p", { class: "error", id: "kind-error", hidden: true });
  const choices = kinds.map(({ code }) => h("label", { class: "choice" }, h("input", { type: "radio", name: "kind", value: code }), h("span", { text: kindName(code) })));
  const element = h("fieldset", { "data-field": "kind", "aria-describedby": error.id }, h("legend", { text: "whatNeeded" }), h("div", { class: "kinds" }, choices), error);
  const chosen = () => element.querySelector("input:checked");
  return {
    element,
    missing: "required",
    get value() {
      return chosen()?.value;
    },
    get complete() {
      return chosen() !== null;
    },
    showError(what) {
      error.hidden = what === undefined;
      if (what !== undefined) speak(error, { text: what });
    },
    focus: () => element.querySelector("input").focus(),
  };
}

/** Where the phone is, if its holder wants to tell: {parts, value}. It chooses the district too. */
function positionChoice(area) {
  let position = null;
  const found = h("p", { class: "hint", role: "status", hidden: true });
  const drop = action({
    text: "withoutPosition",
    class: "button quiet",
    hidden: true,
    run: () => {
      position = null;
      found.hidden = drop.hidden = true;
    },
  });
  const here = action({
    text: "usePosition",
    run: async () => {
      found.hidden = false;
      speak(found, { text: "findingPosition" });
      try {
        const { latitude, longitude, accuracy } = await whereThisIs();
        position = { lat: latitude, lon: longitude, accuracy_m: Math.min(accuracy, 1_000_000) };
      } catch {
        speak(found, { text: "positionRefused" });
        return;
      }
      speak(found, { text: ["positionFound", { metres: () => number(Math.round(position.accuracy_m)) }] });
      drop.hidden = false;
      const { lat, lon } = position;
      const near = await ask("POST", "/v1/help-requests/district", { json: { lat, lon }, token: null });
      if (near.area !== null && !area.value.startsWith(near.area)) await area.set(near.area);
    },
  });
  return {
    parts: [h("div", { class: "buttons position" }, here, drop), found],
    get value() {
      return position;
    },
  };
}

/** Only to see one's requests again. */
function provePhone() {
  put();
  askPhone(place, { title: "provePhone", beside: h("p", { class: "buttons" }, action({ text: "backToForm", class: "button quiet", run: showForm })), done: showMine });
}

/** Sends what is asked, under the same id until it is answered. */
async function deliver(body) {
  const before = pending();
  const same = before !== null && JSON.stringify({ ...before, request_id: null }) === JSON.stringify({ ...body, request_id: null });
  const sent = same ? before : body;
  sessionStorage.setItem(PENDING, JSON.stringify(sent));
  try {
    await askAsCitizen("POST", "/v1/help-requests", { json: sent });
  } catch (error) {
    if (error.status >= 400 && error.status < 500 && error.status !== 429) sessionStorage.removeItem(PENDING);
    throw error;
  }
  sessionStorage.removeItem(PENDING);
  await showMine();
}

function pending() {
  try {
    return JSON.parse(sessionStorage.getItem(PENDING));
  } catch {
    return null;
  }
}

async function showMine() {
  const list = h("ul", { class: "list requests", "aria-live": "polite" });
  put(h("h3", { text: "myRequests" }), list, h("p", { class: "buttons" }, action({ text: "askMore", run: showForm })));
  let drawn = "";
  const look = async () => {
    if (provenPhone() === null) return provePhone();
    const { requests } = await askAsCitizen("GET", "/v1/help-requests/mine");
    const now = JSON.stringify(requests);
    if (now === drawn) return;
    drawn = now;
    await learnNames(requests.map(({ area }) => area));
    fill(list, requests.length > 0 ? requests.map((request) => own(request, look)) : h("li", { class: "empty", text: "none" }));
  };
  await look();
  if (list.isConnected) looking = setInterval(() => document.visibilityState === "visible" && look().catch(() => {}), LOOK_MS);
}

function own(request, look) {
  const { status, deadline } = request;
  const item = h(
    "li",
    { "data-status": status, "data-request": request.request_id },
    h("p", { class: "state" }, h("strong", { text: status })),
    h("p", {}, h("span", { text: kindName(request.kind) }), " · ", h("span", { text: ["persons", { people: request.people }] }), " · ", h("span", { text: placeName(request.area, 4) })),
    h("p", { class: "hint", text: ["askedAt", { at: () => moment(request.asked_at) }] }),
    request.accepted_at && h("p", { class: "hint", text: ["acceptedAt", { at: () => moment(request.accepted_at) }] }),
    deadline && OPEN.includes(status) && h("p", { class: "hint", text: [status === "waiting" ? "acceptBy" : "helpBy", { at: () => moment(deadline) }] }),
    request.merged && h("p", { class: "hint", text: "wasMerged" }),
  );
  if (!OPEN.includes(status) || request.merged) return item;
  const cancel = async () => {
    await askAsCitizen("POST", `/v1/help-requests/${request.request_id}/cancellation`);
    await look();
  };
  const first = action({ text: "cancelRequest", class: "button quiet", run: () => turn(true) });
  const sure = h("p", { class: "buttons", hidden: true }, action({ text: "sureCancel", class: "button bad", run: cancel }), action({ text: "keepIt", run: () => turn(false) }));
  const turn = (asked) => {
    first.hidden = asked;
    sure.hidden = !asked;
  };
  item.append(first, sure);
  return item;
}
