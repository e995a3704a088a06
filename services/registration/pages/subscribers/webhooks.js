// A subscriber's webhooks: how each is doing, what failed, sending again, and new ones.

import { ask, list } from "../api.js";
import { areaChoice, placeName } from "../areas.js";
import { action, askInWindow, field, form, selectField, showInWindow, tick } from "../form.js";
import { h, notice, number, say } from "../page.js";
import { count, facts, showOnce, state, stream, streamsOf, table, when } from "./parts.js";

const SHOWN = 100;

/** What is known of one, and what its owner may do. */
export function webhookCard({ subscription: one, queued, behind }, reporting, changed) {
  const path = `${reporting}/v1/subscriptions/${one.subscription_id}`;
  const key = one.subscription_id;
  const asks = async (method, task, more) => {
    await ask(method, `${path}${task}`, more);
    await changed();
  };
  return h(
    "div",
    { class: "hook", "data-webhook": key },
    h("div", { class: "row" }, h("b", { class: "code grow" }, one.url), state(one.state)),
    one.reason && h("p", { class: "error", text: `reason_${one.reason}` }),
    facts([
      ["receives", streamsOf(one.streams), " ", h("span", { class: "tag", text: placeName(one.area) })],
      ["lastDelivery", h("span", { text: when(one.delivered_at) })],
      ["queueOf", h("span", { "data-queue": key, text: () => (behind === null ? say("queued", { queued: number(queued) }) : say("queuedAndBehind", { queued: number(queued), behind: number(behind) })) })],
      one.failed_attempts > 0 && ["failedAttempts", h("b", { "data-attempts": key, text: count(one.failed_attempts) }), " ", one.next_attempt_at && h("span", { class: "who", text: () => say("nextAttempt", { time: when(one.next_attempt_at)() }) })],
      one.two_secrets_until && ["twoSecretsUntil", h("span", { text: when(one.two_secrets_until) })],
    ]),
    h(
      "div",
      { class: "buttons" },
      action({ text: "showFailures", "data-key": `failures-${key}`, run: () => showFailures(path) }),
      one.state !== "ended" && action({ text: "sendAgain", "data-key": `again-${key}`, run: () => askReplay(one, path, changed) }),
      ["unverified", "disabled"].includes(one.state) && action({ text: "enableAgain", class: "button primary", "data-key": `enable-${key}`, run: () => asks("POST", "/verification") }),
      one.state !== "ended" && action({ text: "newSecret", "data-key": `secret-${key}`, run: () => askSecret(path, changed) }),
      action({ text: "endWebhook", class: "button bad", "data-key": `end-${key}`, run: () => askEnd(one, asks) }),
    ),
  );
}

async function showFailures(path) {
  const { entries, more } = await list(`${path}/failures`, "failures", { most: SHOWN });
  const rows = entries.map((each) => [
    h("span", { text: when(each.failed_at) }),
    h("span", { text: () => say(`cause_${each.cause}`) + (each.status === null ? "" : ` (${each.status})`) }),
    each.stream === null ? h("span", { text: "challengeOf" }) : stream(each.stream),
    h("span", { class: "code" }, each.event_id),
    h("span", { text: count(each.attempt) }),
    h("span", { text: () => (each.next_attempt_at === null ? say("noneFollowed") : when(each.next_attempt_at)()) }),
  ]);
  const window = showInWindow("failuresOf", rows.length > 0 ? table("newestFirst", ["failedAt", "causeOf", "streamOf", "eventOf", "attemptOf", "nextAttemptAt"], rows) : h("p", { class: "empty", text: "noFailures" }), more && h("p", { class: "hint", text: "olderByInterface" }));
  window.classList.add("large");
}

function askReplay(one, path, changed) {
  const beginning = selectField({ name: "begin", label: "from", options: [["start", "fromStart"], ["time", "fromTime"]], required: false, marked: false });
  const time = field({ name: "time", label: "timeInThailand", type: "datetime-local", required: false, marked: false });
  time.hidden = true;
  beginning.querySelector("select").addEventListener("change", ({ target }) => (time.hidden = target.value !== "time"));
  askInWindow({
    title: "sendAgain",
    parts: [h("p", { class: "hint", text: "sendAgainMeans" }), selectField({ name: "stream", label: "streamOf", options: one.streams.map((name) => [name, `stream_${name}`]) }), beginning, time],
    submit: "sendAgain",
    send: async ({ stream: name, begin, time: chosen }) => {
      await ask("POST", `${path}/replay`, { json: { stream: name, from: begin === "start" ? "start" : `${chosen}+07:00` } });
      notice("beingSentAgain", "good");
      await changed();
    },
  });
}

function askSecret(path, changed) {
  askInWindow({
    title: "newSecret",
    parts: [h("p", { text: "newSecretMeans" })],
    submit: "newSecret",
    send: async () => {
      const { secret } = await ask("POST", `${path}/secret`);
      showOnce("secretIs", { webhookSecret: secret });
      await changed();
    },
  });
}

function askEnd(one, asks) {
  askInWindow({
    title: "endWebhook",
    parts: [h("p", { class: "code" }, one.url), h("p", { text: "endWebhookMeans" })],
    submit: "endWebhook",
    send: () => asks("DELETE", ""),
  });
}

/** A form for another one. */
export function newWebhook(who, reporting, streams, changed) {
  const area = areaChoice({ inside: who.area, whole: true });
  return h(
    "details",
    { class: "card", id: "new-webhook" },
    h("summary", { text: "newWebhook" }),
    h("p", { class: "hint", text: "newWebhookHint" }),
    form({
      parts: [
        field({ name: "url", label: "urlOf", type: "url", maxlength: "2000", spellcheck: "false", placeholder: () => "https://" }),
        h("fieldset", {}, h("legend", { text: "receives" }), h("div", { class: "ticks" }, streams.map(({ stream: name }) => tick({ name, label: `stream_${name}` })))),
        who.area.length < 6 && area,
        selectField({ name: "from", label: "from", options: [["end", "fromNow"], ["start", "fromStart"]], required: false, marked: false }),
      ],
      submit: "subscribe",
      send: async (values, element) => {
        const chosen = streams.map(({ stream: name }) => name).filter((name) => values[name]);
        const made = await ask("POST", `${reporting}/v1/subscriptions`, { json: { url: values.url, streams: chosen, from: values.from, ...(values.area && { area: values.area }) } });
        element.reset();
        showOnce("secretIs", { webhookSecret: made.secret });
        await changed();
      },
    }),
  );
}
