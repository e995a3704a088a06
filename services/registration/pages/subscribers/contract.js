// What the events are: the schemas in all their versions, and what each version added. Open to all.

import { ask } from "../api.js";
import { day, h, number } from "../page.js";
import { stream, table } from "./parts.js";

export async function contract(reporting) {
  const { streams, asyncapi } = await ask("GET", `${reporting}/v1/schemas`, { token: null });
  const rows = streams.map((each) => [
    stream(each.stream),
    h("a", { href: reporting + each.latest, text: ["versionOf", { number: () => number(each.versions.at(-1).version) }] }),
    each.versions.flatMap((one, place) => [place > 0 && " · ", h("a", { href: reporting + one.url }, String(one.version))]),
    h("span", { text: () => day(`${each.versions.at(-1).published}T05:00:00Z`) }),
    h("a", { href: reporting + each.examples, text: "examples" }),
  ]);
  return h(
    "section",
    { class: "card", id: "contract" },
    h("h3", { text: "contract" }),
    table("schemas", ["streamOf", "latestVersion", "allVersions", "publishedOn", "examples"], rows),
    h("p", { class: "hint" }, h("a", { href: reporting + asyncapi }, "AsyncAPI")),
    h("details", { id: "changelog" }, h("summary", { text: "changelog" }), h("p", { class: "hint", text: "onlyAdditions" }), h("ul", { class: "list" }, changes(streams).map(entry))),
  );
}

/** One entry for each version of a stream, the newest first. */
function changes(streams) {
  const all = streams.flatMap((each) => each.versions.map((one) => ({ stream: each.stream, ...one })));
  return all.sort((one, other) => other.published.localeCompare(one.published) || one.stream.localeCompare(other.stream) || other.version - one.version);
}

function entry({ stream: name, version, published, added }) {
  return h(
    "li",
    {},
    h("p", { class: "row" }, h("b", { class: "grow" }, stream(name), " ", h("span", { text: ["versionOf", { number: () => number(version) }] })), h("span", { class: "who", text: () => day(`${published}T05:00:00Z`) })),
    added.length === 0 ? h("p", { class: "who", text: "newStream" }) : h("dl", { class: "facts" }, added.flatMap(({ path, type, meaning }) => [h("dt", { class: "code" }, path), h("dd", { lang: "en" }, type, meaning && h("span", { class: "detail" }, meaning))])),
  );
}
