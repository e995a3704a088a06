// Where the page of performance gets its figures at this origin: the reporting service, asked by whoever is signed in.

import { ask as askService, holder } from "./api.js";
import { coded } from "./papers.js";

const ANSWER_MS = 30_000;

/** The page that this one is opened from. */
export const BACK = { path: "/desk", text: "desk" };

/** Whoever is not signed in sees what is public. */
export const LEVELS = ["province", "district", ...(holder() === null ? [] : ["subdistrict", "organisation", "volunteer"])];

let asked = null;

async function reporting() {
  asked ??= askService("GET", "/services");
  const { reporting: origin } = await asked;
  if (!origin) throw coded("failed");
  return origin;
}

let origin = "";

/** The answer to a question, as JSON; raises an Error with a `code`. */
export async function ask(path, headers = {}) {
  origin = await reporting();
  try {
    return await askService("GET", origin + path, { headers, ms: ANSWER_MS });
  } catch (error) {
    throw coded(error.errors?.[0]?.code ?? error.code);
  }
}

/** Where the browser finds a file. */
export const addressOfFile = (path) => origin + path;
