// Where the page of performance gets its figures at this origin: its own service, asked as anybody may.

import { coded } from "./papers.js";

const ANSWER_MS = 30_000;

/** The page that this one is opened from. */
export const BACK = { path: "/", text: "liveMap" };

/** What is public; whoever is signed in sees all levels on registration's page of the same name. */
export const LEVELS = ["province", "district"];

/** The answer to a question, as JSON; raises an Error with a `code`. */
export async function ask(path, headers = {}) {
  const answer = await fetch(path, { headers: { Accept: "application/json", ...headers }, signal: AbortSignal.timeout(ANSWER_MS) });
  const told = await answer.json();
  if (!answer.ok) throw coded(told.errors?.[0]?.code ?? told.code);
  return told;
}

/** Where the browser finds a file. */
export const addressOfFile = (path) => path;
