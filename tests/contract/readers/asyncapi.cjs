// The official AsyncAPI parser: reads a document from standard input, writes what it has to say as JSON.
"use strict";

const { Parser } = require("@asyncapi/parser");
const { readFileSync } = require("node:fs");

async function main() {
  const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
  const said = diagnostics.map(({ code, severity, path, message }) => ({ code, severity, path: path.join("/"), message }));
  const messages = document ? document.messages().all().map((message) => message.id()) : null;
  process.stdout.write(JSON.stringify({ messages, said }));
}

main();
