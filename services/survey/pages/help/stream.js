// The live stream of an area's requests, read by fetch so that the token goes in a header and not in the address.

import { ask } from "../api.js";

const AGAIN_MS = 1_000;
const SILENT_MS = 30_000; // the service says something every ten seconds

/** Follows `area` for ever: `opened()` when the list is to be asked for, `changed(request)`, `state("live" | "connecting")`. */
export async function follow(area, { opened, changed, state, ended }) {
  for (;;) {
    state("connecting");
    const stop = new AbortController();
    let silence = setTimeout(() => stop.abort(), SILENT_MS);
    try {
      const answer = await ask("GET", "/v1/help-requests/live", { query: { area }, raw: true, signal: stop.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        clearTimeout(silence);
        if (done) break;
        silence = setTimeout(() => stop.abort(), SILENT_MS);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const lines = Object.fromEntries(block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]));
          if (lines.event === "opened") {
            await opened();
            state("live");
          } else if (lines.event === "request") changed(JSON.parse(lines.data));
        }
      }
    } catch (error) {
      if (error.isRefusal && [401, 403].includes(error.status)) return ended(error);
      // Whatever else it was, the stream is opened again.
    } finally {
      clearTimeout(silence);
      stop.abort();
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
