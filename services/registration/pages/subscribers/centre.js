// What the centre sees: all subscribers with state, lag, last delivery, failures and quotas; new ones; and ending one.

import { ask, list } from "../api.js";
import { areaChoice, learnNames, placeName } from "../areas.js";
import { action, askInWindow, field } from "../form.js";
import { complain, h, inLanguage, notice, number, say } from "../page.js";
import { askPassword, bytesASecond, lagOf, letIntoKafka } from "./kafka.js";
import { redraw, showOnce, state, table, when } from "./parts.js";
import { transfersView } from "./transfers.js";

const REFRESH_MS = 5_000;
const MOST = 1_000;

export async function centreView(main, who, reporting) {
  const shown = h("section", { class: "card", id: "all" });
  const log = h("div", { id: "log" });
  const accounts = new Map(); // client_id -> account at registration
  let said = null;
  main.append(
    h("p", { class: "soft", text: "centreLead" }),
    h("div", { class: "buttons staff" }, action({ text: "newSubscriber", class: "button primary", run: () => askAccount(refresh) })),
    shown,
    log,
  );
  await refresh();
  await transfersView(log, who, reporting, accounts);
  setInterval(() => document.visibilityState === "visible" && refresh().catch(() => notice("notUpToDate")), REFRESH_MS);

  async function refresh() {
    const [receivers, systems] = await Promise.all([list(`${reporting}/v1/receivers`, "receivers", { most: MOST }), list("/v1/systems", "systems", { most: MOST })]);
    const now = JSON.stringify([receivers, systems]);
    if (now === said) return;
    said = now;
    for (const each of systems.entries) accounts.set(each.client_id, each);
    await learnNames(systems.entries.map(({ area }) => area));
    redraw(shown, everybody(receivers.entries, systems.entries), receivers.more && h("p", { class: "hint", text: ["onlyTheFirst", { count: () => number(MOST) }] }));
  }

  /** Who receives or may, and accounts made here that have not begun; those with trouble first. */
  function everybody(receivers, systems) {
    const known = new Set(receivers.map(({ receiver }) => receiver));
    const waiting = systems.filter((each) => each.role === "external_system" && each.created_by !== null && !each.revoked_at && !known.has(each.client_id)).map(unbegun);
    const all = [...receivers, ...waiting].sort((one, other) => other.failing - one.failing || nameOf(one).localeCompare(nameOf(other), inLanguage()));
    if (all.length === 0) return h("p", { class: "empty", text: "noSubscribers" });
    return table("allSubscribers", ["subscriber", "stateOf", "waitingOf", "lastDelivery", "failures", "quotas", "actions"], all.map(row));
  }

  function nameOf({ receiver, kafka }) {
    return accounts.get(receiver)?.name ?? kafka[0]?.subscriber.name ?? receiver;
  }

  function row(one) {
    const account = accounts.get(one.receiver);
    const ended = one.revoked_at !== null || (account?.revoked_at ?? null) !== null;
    const lag = lagOf(one.kafka);
    const users = one.kafka.map(({ subscriber }) => subscriber);
    const user = users.find((each) => !["revoked", "revoking"].includes(each.state));
    const behind = one.webhooks.reduce((sum, each) => sum + each.queued + (each.behind ?? 0), 0);
    return [
      h("span", { "data-receiver": one.receiver }, h("span", { class: "name" }, nameOf(one)), account && h("span", { class: "detail", text: placeName(account.area) })),
      [
        ended ? state("revoked") : users.length > 0 ? null : h("span", { class: "tag", text: one.last_at ? "receiving" : "notBegun" }),
        users.map((each) => h("span", { class: "detail" }, "Kafka ", state(each.state))),
        one.http.length > 0 && h("span", { class: "detail", text: ["streamsByHttp", { count: () => number(new Set(one.http.map((each) => each.stream)).size) }] }),
        one.webhooks.length > 0 && h("span", { class: "detail", text: ["webhooksAtWork", { count: () => number(one.webhooks.filter((each) => each.subscription.state === "active").length), all: () => number(one.webhooks.length) }] }),
      ],
      [h("span", { class: "numbers", "data-lag": one.receiver, text: () => (lag === null ? "–" : number(lag)) }), one.webhooks.length > 0 && h("span", { class: "detail", text: ["inWebhooks", { count: () => number(behind) }] })],
      h("span", { text: when(one.last_at) }),
      h("span", { class: one.failing > 0 ? "tag bad" : null, text: () => number(one.failing) }),
      [user && h("span", { class: "detail", text: () => `${bytesASecond(user.bytes_a_second)()} · ${say("brokerTime", { percent: number(user.request_percent) })}` }), h("span", { class: "detail", text: ["webhooksUsed", { count: () => number(one.limits.webhooks), most: () => number(one.limits.most_webhooks) }] })],
      !ended && h(
        "span",
        { class: "acts" },
        account?.area === "" && !user && action({ text: "letInShort", "data-key": `in-${one.receiver}`, run: () => letIntoKafka(one.receiver, nameOf(one), reporting, refresh) }),
        user && action({ text: "newPassword", "data-key": `password-${one.receiver}`, run: () => askPassword(user, reporting, refresh) }),
        account && action({ text: "renewSecret", "data-key": `secret-${one.receiver}`, run: () => askSecret(account) }),
        action({ text: "revokeShort", class: "button bad", "data-key": `revoke-${one.receiver}`, run: () => askRevocation(one) }),
      ),
    ];
  }

  function askRevocation(one) {
    askInWindow({
      title: ["revokeOne", { name: nameOf(one) }],
      parts: [h("p", { text: "revokeMeans" }), field({ name: "reason", label: "reasonOf", control: "textarea", maxlength: "500" })],
      submit: "revokeForGood",
      send: async ({ reason }) => {
        await ask("POST", `${reporting}/v1/receivers/${one.receiver}/revocation`, { json: { reason } });
        // Its account gets no tokens any more either; a subscriber of Kafka alone has none.
        if (accounts.has(one.receiver)) await ask("DELETE", `/v1/systems/${one.receiver}`);
        notice(["revokedNow", { name: nameOf(one) }], "good");
        await refresh().catch(complain);
      },
    });
  }
}

function unbegun({ client_id: receiver }) {
  return { receiver, revoked_at: null, last_at: null, failing: 0, kafka: [], http: [], webhooks: [], limits: { webhooks: 0, most_webhooks: 20 } };
}

function askAccount(changed) {
  askInWindow({
    title: "newSubscriber",
    parts: [h("p", { class: "hint", text: "newSubscriberMeans" }), field({ name: "name", label: "systemName", hint: "systemNameHint", maxlength: "200" }), areaChoice({ label: "reach", whole: true })],
    submit: "createAccount",
    send: async ({ name, area }) => {
      const made = await ask("POST", "/v1/systems", { json: { name, area, role: "external_system" } });
      showOnce("accountIs", { clientId: made.client_id, clientSecret: made.client_secret });
      await changed();
    },
  });
}

function askSecret(account) {
  askInWindow({
    title: ["renewSecretOf", { name: account.name }],
    parts: [h("p", { text: "renewSecretMeans" })],
    submit: "renewSecret",
    send: async () => {
      const made = await ask("POST", `/v1/systems/${account.client_id}/secret`, { json: { overlap_minutes: 60 } });
      showOnce("accountIs", { clientId: made.client_id, clientSecret: made.client_secret });
    },
  });
}
