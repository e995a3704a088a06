// The same subscriber as consumer.py, in JavaScript: how many persons were found in each subdistrict, and how many of
// them want vaccine. Position and effects move in one transaction: it may be killed at any moment. Needs Node.js 22.15
// or newer, kafkajs and postgres; the same variables, or PGHOST and others for the database.
"use strict";

const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const zlib = require("node:zlib");
const { CompressionCodecs, CompressionTypes, Kafka, logLevel } = require("kafkajs");
const postgres = require("postgres");

const TYPE = "care.jitasa.survey-submitted.v1";
const COUNTED = ["persons", "dose_0", "dose_1", "dose_2", "dose_3", "wanting"];
const { env } = process;
const TOPIC = env.KAFKA_TOPIC ?? "survey-submitted";
const secure = (env.KAFKA_PROTOCOL ?? "SASL_SSL") === "SASL_SSL";

// kafkajs comes without zstd, which the topics are packed by; Node.js has it.
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => zlib.zstdCompressSync(encoder.buffer),
  decompress: async (packed) => zlib.zstdDecompressSync(packed),
});

const sql = env.DATABASE_URL ? postgres(env.DATABASE_URL, { onnotice() {} }) : postgres({ onnotice() {} });
const kafka = new Kafka({
  brokers: [env.KAFKA_BOOTSTRAP],
  ssl: secure ? { ca: [readFileSync(env.KAFKA_CA_FILE)] } : false,
  sasl: {
    mechanism: (env.KAFKA_MECHANISM ?? "SCRAM-SHA-512").toLowerCase(),
    username: env.KAFKA_USERNAME,
    password: readFileSync(env.KAFKA_PASSWORD_FILE, "utf8").trim(),
  },
  logLevel: logLevel.ERROR,
});
// kafkajs cannot read without a group. The position is not in it: each start has one of its own, below the user's name.
const consumer = kafka.consumer({ groupId: `${env.KAFKA_USERNAME}-${randomUUID()}`, maxWaitTimeInMs: 500 });

// Where a partition is: `last` is the truth, and text, since 20 digits sort as such and are more than a number holds;
// `offset` only says where to look for what comes next.
const places = new Map();

// Sequence and previous; null for foreign matter, which has no place in the chain.
function numbersOf(headers) {
  const text = (name) => (Buffer.isBuffer(headers[name]) ? headers[name].toString("latin1") : "");
  const [sequence, previous] = [text("ce_sequence"), text("ce_previous")];
  if (!/^[0-9]{20}$/.test(sequence) || !/^([0-9]{20}|-)$/.test(previous)) return null;
  return { sequence, previous: previous === "-" ? null : previous };
}

// What an event adds to its subdistrict: one event, and the difference of the household's counts. Throws: unreadable.
function effectOf(value) {
  const event = JSON.parse(value.toString("utf8"));
  if (typeof event.area !== "string" || !("before" in event && "after" in event)) throw new Error("no survey");
  const more = COUNTED.map((name) => (event.after?.[name] ?? 0) - (event.before?.[name] ?? 0));
  if (!more.every(Number.isSafeInteger)) throw new Error("no counts");
  return { area: event.area, more: [1, ...more] };
}

const after = (offset) => String(BigInt(offset) + 1n);
// Applies records by the sequence rule, in one transaction with the position. Returns the new place.
async function take(partition, old, messages) {
  const place = { ...old };
  const sums = new Map();
  const aside = [];
  let closed = false;
  for (const { offset, headers = {}, value } of messages) {
    const numbers = numbersOf(headers);
    if (numbers === null || (place.last !== null && numbers.sequence <= place.last)) {
      // foreign matter, or a repetition
    } else if (numbers.previous !== null && (place.last === null || numbers.previous > place.last)) {
      if (!place.waiting && place.lookedFor !== numbers.previous) {
        // Was the topic made anew? Then it is further ahead: look through all of the partition, once.
        place.lookedFor = numbers.previous;
        place.offset = "0";
        break;
      }
      if (!place.waiting) console.log(`${partition}: between ${place.last} and ${numbers.sequence} events are missing`);
      place.waiting = true;
    } else {
      place.last = numbers.sequence;
      closed ||= place.waiting; // what was passed since is read again
      place.waiting = false;
      if (headers.ce_type?.toString() === TYPE) {
        try {
          const { area, more } = effectOf(value);
          const sum = sums.get(area) ?? more.map(() => 0);
          sums.set(area, sum.map((each, index) => each + more[index]));
        } catch {
          aside.push({ topic: TOPIC, partition, offset, value });
        }
      }
    }
    if (!place.waiting && !closed) place.offset = after(offset);
  }
  await sql.begin(async (database) => {
    const { count } = await database`UPDATE position SET next_offset = ${place.offset}, last_sequence = ${place.last}
      WHERE topic = ${TOPIC} AND partition = ${partition}
      AND next_offset = ${old.offset} AND last_sequence IS NOT DISTINCT FROM ${old.last}::text`;
    if (count !== 1) throw new Error("Another process has moved this position: only one may work.");
    for (const [area, [events, ...more]] of [...sums].sort()) {
      const row = { area, events, ...Object.fromEntries(COUNTED.map((name, index) => [name, more[index]])) };
      await database`INSERT INTO surveyed ${database(row)} ON CONFLICT (area) DO UPDATE SET
        events = surveyed.events + excluded.events, persons = surveyed.persons + excluded.persons,
        dose_0 = surveyed.dose_0 + excluded.dose_0, dose_1 = surveyed.dose_1 + excluded.dose_1,
        dose_2 = surveyed.dose_2 + excluded.dose_2, dose_3 = surveyed.dose_3 + excluded.dose_3,
        wanting = surveyed.wanting + excluded.wanting`;
    }
    if (aside.length) await database`INSERT INTO put_aside ${database(aside)}`;
  });
  return place;
}

async function placeOf(partition) {
  await sql`INSERT INTO position (topic, partition) VALUES (${TOPIC}, ${partition}) ON CONFLICT DO NOTHING`;
  const [row] = await sql`SELECT next_offset, last_sequence FROM position
    WHERE topic = ${TOPIC} AND partition = ${partition}`;
  return { offset: row.next_offset, last: row.last_sequence, lookedFor: null, waiting: false };
}

async function eachBatch({ batch: { partition, messages }, isStale }) {
  if (isStale()) return;
  const known = places.get(partition) ?? (await placeOf(partition));
  // At the beginning of a process the group knows nothing: go to where the database says.
  const begun = places.has(partition) || messages[0].offset === known.offset;
  const place = begun ? await take(partition, known, messages) : known;
  places.set(partition, place);
  if (!begun || (!place.waiting && place.offset !== after(messages.at(-1).offset))) {
    consumer.seek({ topic: TOPIC, partition, offset: place.offset });
  }
}

async function main() {
  await sql`CREATE TABLE IF NOT EXISTS position (topic text, partition integer, next_offset bigint NOT NULL DEFAULT 0,
    last_sequence text, PRIMARY KEY (topic, partition))`;
  await sql`CREATE TABLE IF NOT EXISTS surveyed (area text PRIMARY KEY, events bigint, persons bigint, dose_0 bigint,
    dose_1 bigint, dose_2 bigint, dose_3 bigint, wanting bigint)`;
  await sql`CREATE TABLE IF NOT EXISTS put_aside (topic text, partition integer, "offset" bigint, value bytea)`;
  consumer.on(consumer.events.CRASH, ({ payload }) => fail(payload.error));
  await consumer.connect();
  await consumer.subscribe({ topics: [TOPIC], fromBeginning: true });
  await consumer.run({ autoCommit: false, eachBatch: (payload) => eachBatch(payload).catch(fail) });
}

// Whatever fails ends the process; whoever started it starts it again.
function fail(error) {
  console.error(error);
  process.exit(1);
}

main().catch(fail);
