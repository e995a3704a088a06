// Documents: ordered, watched while they are made, and then saved by the browser.

const ASK_MS = 500;
// A restart of the service forgets what was ordered; then it is not asked for ever.
const MOST_FAILURES = 5;

/**
 * Orders the document at `path` and tells `told` how far it is ({state, rows, of, size, file_name}) until it is ready;
 * gives the last of that, with the path of the file as `content`. `ask` is performance-source.js's; `wanted` says whether
 * it is still waited for. Raises an Error with a `code`, null when nobody waits any more.
 */
export async function order(ask, path, told, wanted) {
  let known = await ask(path, { Prefer: "respond-async" });
  const place = `/v1/documents/${known.document_id}`;
  let failures = 0;
  while (known.state === "waiting" || known.state === "making") {
    if (!wanted()) throw coded(null);
    told(known);
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    try {
      known = await ask(place);
      failures = 0;
    } catch (error) {
      if (error.code === "not_found" || ++failures === MOST_FAILURES) throw coded("gone");
    }
  }
  if (known.state === "failed") throw coded(known.failure ?? "failed");
  return { ...known, content: `${place}/content` };
}

/** An error that the page has words for. */
export function coded(code) {
  return Object.assign(new Error(String(code)), { code });
}

/** Lets the browser save a file; its own head says that it is one to save. */
export function save(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}
