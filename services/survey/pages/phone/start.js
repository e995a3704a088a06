// Before the work: signing in by a one-time code, and the PIN that opens what lies on the phone.

import { h, notice } from "../elements.js";
import { actions, button, input, twice } from "./controls.js";
import { mobile } from "./rules.js";
import { addresses, Away, claimsOf, redeem, Refused, sendCode, Session, SignedOut } from "./session.js";
import { Locked } from "./vault.js";

const SURVEYORS = ["volunteer", "subdistrict_coordinator", "district_coordinator"];
const PIN = /^\d{6,12}$/;

/**
 * Asks for the PIN of a session; `enter` is given the session once it is open; `signIn` is for who forgot it, or (with the
 * session) for whose vault is open without a token. `beginAnew` is instead for who forgot one that alone opens what lies
 * here, of which `unsent` forms have not reached the service. */
export function askPin(main, session, { enter, signIn, beginAnew, unsent }) {
  let pin = "";
  const field = input({ label: "pin", type: "password", inputmode: "numeric", maxlength: 12, set: (value) => (pin = value) });
  const open = async (event) => {
    event?.preventDefault();
    field.error();
    try {
      await busy(form, () => session.vault.open(pin));
    } catch (error) {
      if (!(error instanceof Locked)) throw error;
      field.error({ wrong: "pinWrong", wait: ["pinWait", { seconds: error.seconds }], gone: "pinGone" }[error.why]);
      field.control.value = pin = "";
      return;
    }
    try {
      await session.begin();
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      return signIn(session);
    }
    enter(session);
  };
  const form = h("form", { novalidate: true, on: { submit: open } }, field, actions(h("button", { class: "button primary", text: "open" })));
  const forgotten = beginAnew
    ? twice("beginAnew", ["beginAnewSure", { unsent }], beginAnew)
    : button("pinForgotten", () => signIn(null), { kind: "quiet" });
  main.replaceChildren(h("h2", { text: "openTitle" }), form, forgotten);
  field.control.focus();
}

/** Signs somebody in; `known` is the session whose token is over and whose vault is open, if there is one. */
export function askPhone(main, { enter, known = null }) {
  let phone = "";
  const field = input({ label: "phone", hint: "signInWhy", type: "tel", inputmode: "tel", autocomplete: "tel", set: (value) => (phone = value) });
  const send = async (event) => {
    event.preventDefault();
    const digits = mobile(phone);
    field.error(digits === null ? "phoneWrong" : undefined);
    if (digits === null) return;
    if (await asked(form, () => sendCode(digits))) askCode(main, digits, { enter, known });
  };
  const form = h("form", { novalidate: true, on: { submit: send } }, field, actions(h("button", { class: "button primary", text: "sendCode" })));
  main.replaceChildren(h("h2", { text: "signInTitle" }), form);
  const others = h("ul", { class: "links" }, [["/help", "askForHelp"], ["/desk", "forCoordinators"]].map(([href, text]) => h("li", {}, h("a", { href, text }))));
  main.append(others);
  addresses().then(
    ({ registration }) => registration && others.prepend(h("li", {}, h("a", { href: `${registration}/sign-up`, text: "notRegistered" }))),
    () => {}, // without it who is registered signs in all the same
  );
  field.control.focus();
}

function askCode(main, phone, { enter, known }) {
  let code = "";
  const field = input({ label: "oneTimeCode", inputmode: "numeric", autocomplete: "one-time-code", maxlength: 12, set: (value) => (code = value) });
  const send = async (event) => {
    event.preventDefault();
    const granted = await asked(form, () => redeem(phone, code), () => field.error("codeWrong"));
    if (!granted) return;
    const { subject, role } = claimsOf(granted);
    if (!SURVEYORS.includes(role)) return notice("notForYou");
    if (known?.subject === subject) {
      await known.begin(granted);
      return enter(known);
    }
    const session = await Session.of(subject);
    const key = await asked(form, async () => ({ bytes: await session.keyFromService(granted) }));
    if (!key) return;
    const open = async () => enter(await begun(session, granted));
    const setUp = () => {
      notice();
      choosePin(main, async (pin) => {
        if (key.bytes === null) await session.database.empty(); // what lies here is under a key that nobody has any more
        await session.vault.setUp(pin, key.bytes ?? undefined);
        await open();
      });
    };
    if (key.bytes !== null || !(await session.vault.hasPin())) return setUp();
    notice("oldPinNeeded");
    const unsent = (await session.database.forms()).filter(({ state }) => state !== "recorded").length;
    askPin(main, session, { enter: open, signIn: open, beginAnew: setUp, unsent });
  };
  const form = h("form", { novalidate: true, on: { submit: send } }, field, actions(h("button", { class: "button primary", text: "signIn" })));
  main.replaceChildren(h("h2", { text: "signInTitle" }), h("p", { text: ["codeSent", { phone }] }), form, button("otherNumber", () => askPhone(main, { enter, known }), { kind: "quiet" }));
  field.control.focus();
}

function choosePin(main, chosen) {
  const typed = { pin: "", again: "" };
  const pin = input({ label: "pin", hint: "newPinWhy", type: "password", inputmode: "numeric", maxlength: 12, set: (value) => (typed.pin = value) });
  const again = input({ label: "pinAgain", type: "password", inputmode: "numeric", maxlength: 12, set: (value) => (typed.again = value) });
  const save = async (event) => {
    event.preventDefault();
    pin.error(!PIN.test(typed.pin) ? "pinShort" : easy(typed.pin) ? "pinEasy" : undefined);
    again.error(typed.again === typed.pin ? undefined : "pinDiffers");
    if (PIN.test(typed.pin) && !easy(typed.pin) && typed.again === typed.pin) await busy(form, () => chosen(typed.pin));
  };
  const form = h("form", { novalidate: true, on: { submit: save } }, pin, again, actions(h("button", { class: "button primary", text: "save" })));
  main.replaceChildren(h("h2", { text: "newPinTitle" }), form);
  pin.control.focus();
}

/** One digit all along, or counting up or down: what is tried first. */
function easy(pin) {
  const steps = new Set([...pin].slice(1).map((digit, index) => Number(digit) - Number(pin[index])));
  return steps.size === 1 && [-1, 0, 1].includes([...steps][0]);
}

async function begun(session, granted) {
  await session.begin(granted);
  await session.leaveKey().catch(() => {}); // now there is a net; otherwise the synchronisation tries again
  await navigator.storage?.persist?.(); // a browser that needs room then takes it elsewhere first
  return session;
}

/** Waits for a request; says why it failed. Returns its result, true where it has none, or false. */
async function asked(form, request, onRefused) {
  notice();
  try {
    return (await busy(form, request)) ?? true;
  } catch (error) {
    if (error instanceof Away) notice("away");
    else if (!(error instanceof Refused)) throw error;
    else if (onRefused) onRefused();
    else notice(() => error.message);
    return false;
  }
}

async function busy(form, work) {
  const pressed = form.querySelector(".primary");
  pressed.disabled = true;
  try {
    return await work();
  } finally {
    pressed.disabled = false;
  }
}
