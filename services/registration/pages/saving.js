// Files that come with the token are fetched and then saved from memory.

import { ask } from "./api.js";
import { h } from "./page.js";

const TAKEN_MS = 60_000; // the browser has taken it by then

/** Saves what is at `path`, as the service calls it or, with its ending, as `name`. */
export async function save(path, name = null, query = {}) {
  const answer = await ask("GET", path, { query, raw: true });
  const given = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition"))?.[1] ?? "jitasa";
  keep(await answer.blob(), name === null ? given : `${name}.${given.split(".").at(-1)}`);
}

/** Saves what the page made itself. */
export function keep(content, name) {
  const address = URL.createObjectURL(content);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), TAKEN_MS);
}
