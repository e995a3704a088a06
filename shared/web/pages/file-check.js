// A file that is checked before anything of it is stored.

import { fill, h } from "./elements.js";
import { field, form } from "./form.js";

/**
 * A form for the file, and the place where `check` shows what it found: it gets the file and gives elements. {choosing,
 * result}. Another file is another check.
 */
export function fileToCheck(check) {
  const result = h("div", { role: "status" });
  const file = field({ name: "file", label: "file", type: "file", accept: ".csv,.xlsx,text/csv" });
  const choosing = form({
    parts: [file],
    submit: "check",
    quiet: true,
    send: async ({ file: [chosen] }) => fill(result, ...(await check(chosen))),
  });
  file.querySelector("input").addEventListener("change", () => fill(result));
  return { choosing, result };
}
