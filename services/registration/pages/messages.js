// Text messages of this machine, where they are written into a file instead of being sent. It exists nowhere else.

import { ask } from "./api.js";
import { begin, fill, h, moment } from "./page.js";

const REFRESH_MS = 2_000; // somebody waits for a code

begin({ title: "messages" }, async (main) => {
  const shown = h("ul", { class: "list", label: "messages" });
  main.append(h("p", { class: "soft", text: "messagesExplained" }), shown);
  let latest = null;
  await load();
  setInterval(() => document.visibilityState === "visible" && load().catch(() => {}), REFRESH_MS); // the next time it may work

  async function load() {
    const { messages } = await ask("GET", "/v1/sms-sink");
    const newest = JSON.stringify(messages);
    if (newest === latest) return;
    latest = newest;
    const cards = messages.map(({ phone, email, subject, text, at, code, confirmation_code: confirmation }) =>
      h("li", { "data-phone": phone }, h("p", { class: "row who" }, h("b", {}, phone ?? email), h("span", { text: () => moment(at) })), (code ?? confirmation) && h("p", { class: "code-name" }, h("b", {}, code ?? confirmation)), h("p", { class: "said" }, subject && h("b", {}, subject), subject && h("br"), text)),
    );
    fill(shown, cards.length > 0 ? cards : h("li", { class: "empty", text: "noMessages" }));
  }
});
