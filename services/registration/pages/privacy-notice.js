// The privacy notice: what is said first, and the whole text one press away.

import { ask } from "./api.js";
import { day, h, inLanguage } from "./page.js";

const LANGUAGES = ["th", "en"];

/** The present notice: {version, said, whole}, both elements in the reader's language; `whole` is folded. */
export async function presentNotice() {
  // In both languages at once, so that the switch has it.
  const [thai, english] = await Promise.all(LANGUAGES.map((language) => ask("GET", "/v1/notices/current", { headers: { "Accept-Language": language }, token: null })));
  const told = { th: thai, en: english };
  const now = () => told[inLanguage()];
  return {
    version: thai.version,
    said: h("p", { text: () => now().spoken }),
    whole: h(
      "details",
      {},
      h("summary", { text: "wholeNotice" }),
      thai.text.map((_, place) => h("p", { text: () => now().text[place] })),
      h("p", { class: "hint", text: ["noticeVersion", { version: thai.version, since: () => day(thai.since) }] }),
    ),
  };
}
