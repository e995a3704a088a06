// What a subscriber sees of itself: by each way in what it gets, how far behind it is and what fails; its limits; the contract.

import { ask } from "../api.js";
import { learnNames, placeName } from "../areas.js";
import { h, notice, number, say } from "../page.js";
import { contract } from "./contract.js";
import { kafkaCard, lagOf } from "./kafka.js";
import { count, facts, redraw, stream, table, when } from "./parts.js";
import { newWebhook, webhookCard } from "./webhooks.js";

const REFRESH_MS = 3_000; // lag is measured every two seconds

export async function ownView(main, who, reporting) {
  const boxes = Object.fromEntries(["standing", "kafka", "http", "webhooks"].map((name) => [name, h("section", { class: "card", id: name })]));
  const { streams } = await ask("GET", `${reporting}/v1/streams`);
  await learnNames([who.area]);
  let shown = null;
  main.append(
    h("p", { class: "soft", text: "subscribersLead" }),
    boxes.standing,
    boxes.kafka,
    boxes.http,
    boxes.webhooks,
    newWebhook(who, reporting, streams, refresh),
    await contract(reporting),
  );
  await refresh();
  setInterval(() => document.visibilityState === "visible" && refresh().catch(() => notice("notUpToDate")), REFRESH_MS);

  async function refresh() {
    const found = await ask("GET", `${reporting}/v1/receivers/own`);
    const said = JSON.stringify(found);
    if (said === shown) return;
    shown = said;
    await learnNames(found.http.map(({ area }) => area));
    redraw(boxes.standing, ...standing(found, who));
    redraw(boxes.kafka, h("h3", { text: "byKafka" }), found.kafka.length > 0 ? found.kafka.map((each) => kafkaCard(each, reporting, refresh)) : h("p", { class: "soft", text: "noKafka" }));
    redraw(boxes.http, ...http(found, streams, who));
    redraw(boxes.webhooks, h("h3", { text: "byWebhook" }), found.webhooks.length > 0 ? found.webhooks.map((each) => webhookCard(each, reporting, refresh)) : h("p", { class: "soft", text: "noWebhooks" }));
  }
}

function standing({ receiver, last_at: last, failing, limits, kafka }, who) {
  const lag = lagOf(kafka);
  const counts = [lag !== null && ["waitingInKafka", count(lag)], ["failingWebhooks", count(failing)], ["webhooksOfMost", () => `${number(limits.webhooks)} / ${number(limits.most_webhooks)}`]].filter(Boolean);
  return [
    h("h3", { text: "standing" }),
    h("ul", { class: "counts" }, counts.map(([text, value]) => h("li", {}, h("span", { class: "row" }, h("b", { class: "count", "data-count": text, text: value }), h("span", { class: `tag ${text === "failingWebhooks" && failing > 0 ? "bad" : ""}`, text }))))),
    facts([
      ["lastDelivery", h("span", { id: "last-delivery", text: when(last) })],
      ["account", h("span", { class: "code" }, receiver)],
      ["reach", h("span", { text: placeName(who.area) })],
      ["limitsOfHttp", h("span", { text: () => say("limitsOfHttpAre", { open: number(limits.most_open_answers), events: number(limits.most_events_in_answer) }) })],
    ]),
    h("p", { class: "hint", text: "secretByCentre" }),
  ];
}

function http({ http: got }, streams, who) {
  const rows = got.map((each) => [stream(each.stream), h("span", { text: `form_${each.form}` }), h("span", { text: placeName(each.area) }), h("b", { class: "numbers", text: count(each.events) }), h("span", { text: when(each.last_at) })]);
  return [
    h("h3", { text: "byHttp" }),
    rows.length > 0 ? table("gotByHttp", ["streamOf", "formOf", "area", "eventsOf", "lastDelivery"], rows) : h("p", { class: "soft", text: "noHttp" }),
    h("details", { "data-key": "addresses" }, h("summary", { text: ["addressesOfStreams", { area: () => placeName(who.area)() }] }), h("ul", { class: "list" }, streams.map((each) => h("li", {}, stream(each.stream), h("p", { class: "code" }, `GET ${each.begin.start}`))))),
    h("p", { class: "hint", text: "httpKeepsNoPlace" }),
  ];
}

