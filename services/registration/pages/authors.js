// Who did something, as far as the facilities service knows: accounts, organisations and roles, never names.

import { say } from "./page.js";

/** What to call an author {subject, organisation, role} before the viewer: himself, somebody of his organisation, a role. */
export function authorName({ subject, organisation = null, role = null }, viewer) {
  if (subject === viewer.subject) return say("authorYou");
  const who = role === null ? say("authorOther") : say(role);
  return organisation !== null && organisation === viewer.organisation ? say("authorColleague", { who }) : who;
}
