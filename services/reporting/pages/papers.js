// Documents: ordered, watched while they are made, and then saved by the browser.

const ASK_MS = 500;
// A restart of the service forgets what was ordered; then it is not asked for ever.
const MOST_FAILURES = 5;

/**
 * Orders the document at `address` and tells `told` how far it is ({state, rows, of, size, file_name}) until it is ready;
 * gives the last of that, with the address of the file as `content`. Raises an Error whose message is a code.
 */
export async function order(address, headers, told, signal) {
  const ordered = await fetch(address, { headers: { ...headers, Prefer: "respond-async" }, signal });
  if (ordered.status !== 202) throw new Error((await codeOf(ordered)) ?? `status ${ordered.status}`);
  const place = ordered.headers.get("Location");
  let known = await ordered.json();
  let failures = 0;
  while (known.state === "waiting" || known.state === "making") {
    told(known);
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
    const answer = await fetch(place, { headers, signal });
    if (answer.ok) {
      known = await answer.json();
      failures = 0;
    } else if (answer.status === 404 || ++failures === MOST_FAILURES) {
      throw new Error("gone");
    }
  }
  if (known.state === "failed") throw new Error(known.failure ?? "failed");
  return { ...known, content: `${place}/content` };
}

/** Lets the browser save a file of this origin. */
export function save(address, name) {
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
}

async function codeOf(answer) {
  try {
    const problem = await answer.json();
    return problem.errors?.[0]?.code ?? problem.code;
  } catch {
    return null;
  }
}
