// A subscriber of Kafka: what it may read, where its groups are, its password; and letting one in.

import { ask } from "../api.js";
import { action, askInWindow, field, tick } from "../form.js";
import { h, number, say } from "../page.js";
import { count, facts, kafkaFiles, showOnce, state, stream, STREAMS, streamsOf, table, when } from "./parts.js";

const MEGABYTE = 1024 * 1024;

export const bytesASecond = (bytes) => () => say("megabytesASecond", { count: number(Math.round((100 * bytes) / MEGABYTE) / 100) });

/** Records that its groups have not taken; null where no group has noted a place. */
export function lagOf(kafka) {
  const groups = kafka.flatMap((each) => each.groups);
  return groups.length > 0 ? groups.reduce((sum, { waiting }) => sum + waiting, 0) : null;
}

/** What is known of one. `changed` is called when something was. */
export function kafkaCard({ subscriber, groups }, reporting, changed) {
  const gone = ["revoked", "revoking"].includes(subscriber.state);
  return h(
    "div",
    { "data-subscriber": subscriber.name },
    h("div", { class: "row" }, h("b", { class: "name grow" }, subscriber.user), state(subscriber.state)),
    facts([
      ["mayRead", streamsOf(subscriber.streams), " ", h("span", { class: "tag", text: "country" })],
      ["quotas", h("span", { text: () => `${bytesASecond(subscriber.bytes_a_second)()} · ${say("brokerTime", { percent: number(subscriber.request_percent) })}` })],
      ["groupPrefix", h("span", { class: "code" }, `${subscriber.group_prefix}*`)],
      ["passwordOf", h("span", { text: when(subscriber.password_at) })],
    ]),
    groups.length > 0 ? groupsTable(groups) : h("p", { class: "hint", text: "noGroups" }),
    groups.map((group) => partitions(group)),
    !gone && h("div", { class: "buttons" }, action({ text: "newPassword", "data-key": `password-${subscriber.name}`, run: () => askPassword(subscriber, reporting, changed) })),
  );
}

function groupsTable(groups) {
  return table(
    "groupsOf",
    ["groupOf", "streamOf", "waitingOf", "movedAt"],
    groups.map((group) => [h("span", { class: "code" }, group.group), stream(group.stream), h("b", { class: "numbers", "data-waiting": `${group.group} ${group.stream}`, text: count(group.waiting) }), h("span", { text: when(group.moved_at) })]),
  );
}

function partitions({ group, stream: name, partitions: found }) {
  const rows = found.map((each) => [h("span", { text: count(each.partition) }), h("span", { text: () => (each.next_offset === null ? say("notNoted") : number(each.next_offset)) }), h("b", { class: "numbers", text: count(each.waiting) })]);
  return h("details", { "data-key": `${group} ${name}` }, h("summary", { text: ["partitionsOf", { group, stream: () => say(`stream_${name}`) }] }), table("byPartition", ["partitionOf", "nextOffset", "waitingOf"], rows));
}

/** Gives it a new password, which is shown this once. */
export function askPassword(subscriber, reporting, changed) {
  askInWindow({
    title: ["newPasswordFor", { name: subscriber.user }],
    parts: [h("p", { text: "newPasswordMeans" })],
    submit: "newPassword",
    send: async () => {
      const made = await ask("POST", `${reporting}/v1/subscribers/${subscriber.subscriber_id}/password`);
      showOnce("passwordIs", { kafkaUser: made.subscriber.user, kafkaPassword: made.password }, kafkaFiles(made.configuration));
      await changed();
    },
  });
}

/** Lets an account into Kafka; its password is shown this once. */
export function letIntoKafka(account, name, reporting, changed) {
  askInWindow({
    title: ["letIntoKafka", { name }],
    parts: [
      h("p", { class: "hint", text: "kafkaIsWholeCountry" }),
      field({ name: "name", label: "kafkaName", hint: "kafkaNameHint", maxlength: "32", spellcheck: "false", autocomplete: "off" }),
      h("fieldset", {}, h("legend", { text: "mayRead" }), h("div", { class: "ticks" }, STREAMS.map((each) => tick({ name: each, label: `stream_${each}`, checked: true })))),
      field({ name: "bytes_a_second", label: "megabytesASecondAtMost", type: "number", min: "0.0625", max: "64", step: "any", value: "4" }),
      field({ name: "request_percent", label: "brokerTimeAtMost", type: "number", min: "1", max: "100", step: "1", value: "20" }),
    ],
    submit: "letIn",
    send: async (values) => {
      const made = await ask("POST", `${reporting}/v1/subscribers`, {
        json: {
          name: values.name,
          client_id: account,
          streams: STREAMS.filter((each) => values[each]),
          bytes_a_second: Math.round(Number(values.bytes_a_second) * MEGABYTE),
          request_percent: Number(values.request_percent),
        },
      });
      showOnce("passwordIs", { kafkaUser: made.subscriber.user, kafkaPassword: made.password }, kafkaFiles(made.configuration));
      await changed();
    },
  });
}
