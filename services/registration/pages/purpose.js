// What the register takes only from somebody who says so on purpose: a position outside the district, and a code that
// another place has. Neither is asked before it is in question.

import { ask, Refusal } from "./api.js";
import { tick } from "./form.js";
import { say } from "./page.js";

/**
 * Two boxes to tick, hidden at first, for a form that saves a place: {position, code, learn(refusal)}. `learn` shows the
 * box that a refusal asks for, and gives the refusal in words for people. `places`: the address of the facilities.
 */
export function onPurpose(places) {
  const position = tick({ name: "position_confirmed", label: "positionConfirmed" });
  const code = tick({ name: "shared_code", label: "sharedCode" });
  position.hidden = code.hidden = true;

  async function learn(refusal) {
    if (refusal.errors.some((error) => error.code === "outside_area")) position.hidden = false;
    if (refusal.code !== "code_in_use") return refusal;
    code.hidden = false;
    const { name } = await ask("GET", `${places}/${refusal.document.facility_id}`);
    return new Refusal(refusal.status, { errors: [{ path: "official_code", message: say("codeOfOther", { name }) }] });
  }

  return { position, code, learn };
}
