// kafkajs and the CloudEvents SDK for JavaScript: reads events from a real broker. The question comes by standard input:
// { bootstrap, mechanism, username, password, topics, group, count }. The answer is a list of what the SDK understood.
"use strict";

const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require("kafkajs");
const { Kafka: binding } = require("cloudevents");
const { readFileSync } = require("node:fs");
const zlib = require("node:zlib");

// kafkajs comes without zstd, which the public topics are packed by; Node.js has it.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => zlib.zstdCompressSync(encoder.buffer),
  decompress: async (packed) => zlib.zstdDecompressSync(packed),
});

function understood({ topic, partition, message }) {
  // The binding takes text, kafkajs gives bytes.
  const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, value.toString("utf8")]));
  const event = binding.toEvent({ key: message.key.toString(), value: message.value.toString("utf8"), headers });
  event.validate();
  return { ...event.toJSON(), topic, partition };
}

async function main() {
  const { bootstrap, mechanism, username, password, topics, group, count } = JSON.parse(readFileSync(0, "utf8"));
  const kafka = new Kafka({
    brokers: [bootstrap],
    sasl: { mechanism: mechanism.toLowerCase(), username, password },
    logLevel: logLevel.ERROR,
  });
  const consumer = kafka.consumer({ groupId: group });
  const found = [];
  await consumer.connect();
  await consumer.subscribe({ topics, fromBeginning: true });
  await new Promise((resolve, reject) => {
    // A broker that has only begun to coordinate groups says so; then it tries again by itself.
    consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error));
    consumer.run({
      eachMessage: async (record) => {
        found.push(understood(record));
        if (found.length === count) resolve();
      },
    });
  });
  await consumer.disconnect();
  process.stdout.write(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
