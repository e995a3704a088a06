// Everything the page says, in Thai and English, and how it writes numbers, durations and times.

import { BANGKOK, LOCALES } from "./language.js";

const TEXTS = {
  th: {
    title: "จิตอาสา – งานที่รออยู่",
    name: "จิตอาสา",
    subtitle: "หน้าผู้ดูแลระบบ: งานที่รออยู่",
    groups: { "survey-recorder": "บันทึกแบบสำรวจ", "survey-lister": "จัดรายชื่อผู้ต้องติดตาม", "reporting-projector": "รวมยอดรายงาน", "reporting-rebuild": "คำนวณรายงานใหม่" },
    intake: "รับแบบสำรวจ",
    trends: { current: "ทันปัจจุบัน", catching_up: "กำลังไล่ทัน", falling_behind: "ค้างเพิ่มขึ้น", stale: "ไม่มีข้อมูลใหม่" },
    waiting: "รายการที่รอ",
    oldest: "รายการเก่าสุดรอมาแล้ว",
    rate: "อัตราที่ทำได้",
    drained: "จะหมดใน",
    never: "ยังไม่ลดลง",
    accepted: "รับได้",
    refused: "ไม่รับ",
    inFlight: "กำลังส่งให้ Kafka",
    p99: "ตอบภายใน (p99)",
    running: (count) => `${count} โพรเซส`,
    byPartition: (count) => `รายพาร์ทิชัน (${count})`,
    partly: (some, all) => `ได้ยินจาก ${some} จาก ${all} พาร์ทิชัน ตัวเลขจริงอาจมากกว่านี้`,
    pictureOf: (what, highest) => `${what} ใน 1 ชั่วโมงที่ผ่านมา สูงสุด ${highest}`,
    now: "ขณะนี้",
    ago: (minutes) => `${minutes} นาทีก่อน`,
    aSecond: (number) => `${number}/วินาที`,
    topic: "หัวข้อ",
    partition: "พาร์ทิชัน",
    processes: "โพรเซส",
    columns: { name: "ชื่อ", state: "สถานะ", port: "พอร์ต", restarts: "เริ่มใหม่" },
    states: { ready: "พร้อม", unready: "ไม่พร้อม", starting: "กำลังเริ่ม", paused: "รอเริ่มใหม่", stopped: "หยุด", dead: "ตาย" },
    loading: "กำลังโหลด",
    live: (time) => `ข้อมูล ณ ${time}`,
    stale: "ข้อมูลไม่ล่าสุด",
    staleLong: (time) => `ไม่มีข้อมูลใหม่ตั้งแต่ ${time} ตัวเลขที่เห็นไม่ใช่ปัจจุบัน`,
    unreachable: "ติดต่อหน้าผู้ดูแลระบบไม่ได้ กำลังลองใหม่ ตัวเลขที่เห็นไม่ใช่ปัจจุบัน",
    unsupervised: "ตัวควบคุมโพรเซสไม่ทำงาน โพรเซสที่ตายจะไม่ถูกเริ่มใหม่",
    units: { ms: "มิลลิวินาที", s: "วินาที", min: "นาที", h: "ชั่วโมง" },
    unknown: "–",
  },
  en: {
    title: "Jitasa – what waits",
    name: "Jitasa",
    subtitle: "Operators' page: what waits",
    groups: { "survey-recorder": "Survey recorder", "survey-lister": "Lists of whom to reach", "reporting-projector": "Reporting projector", "reporting-rebuild": "Reporting rebuild" },
    intake: "Survey intake",
    trends: { current: "Up to date", catching_up: "Catching up", falling_behind: "Falling behind", stale: "No news" },
    waiting: "Records waiting",
    oldest: "Oldest has waited",
    rate: "Taken",
    drained: "Drained in",
    never: "not shrinking",
    accepted: "Accepted",
    refused: "Refused",
    inFlight: "On the way to Kafka",
    p99: "Answered within (p99)",
    running: (count) => (count === 1 ? "1 process" : `${count} processes`),
    byPartition: (count) => `By partition (${count})`,
    partly: (some, all) => `Heard of ${some} of ${all} partitions; more may be waiting`,
    pictureOf: (what, highest) => `${what}, last hour, at most ${highest}`,
    now: "now",
    ago: (minutes) => `${minutes} min ago`,
    aSecond: (number) => `${number}/s`,
    topic: "Topic",
    partition: "Partition",
    processes: "Processes",
    columns: { name: "Name", state: "State", port: "Port", restarts: "Restarts" },
    states: { ready: "ready", unready: "not ready", starting: "starting", paused: "waiting to start", stopped: "stopped", dead: "dead" },
    loading: "Loading",
    live: (time) => `As of ${time}`,
    stale: "Out of date",
    staleLong: (time) => `No news since ${time}: these are not the present figures.`,
    unreachable: "The operators' page does not answer; trying again. These are not the present figures.",
    unsupervised: "The supervisor does not run: processes that die are not started again.",
    units: { ms: "ms", s: "s", min: "min", h: "h" },
    unknown: "–",
  },
};

/** The words and formats of one language. */
export function speech(language) {
  const locale = LOCALES[language];
  const say = TEXTS[language];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const fine = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium", timeZone: BANGKOK });
  const number = (value) => (value < 10 ? fine : whole).format(value);
  return {
    language,
    say,
    number,
    rate: (value) => say.aSecond(number(value)),
    time: (seconds) => clock.format(new Date(seconds * 1000)),
    /** Seconds in the unit that fits; null is for ever. */
    duration(seconds) {
      if (seconds === null) return say.never;
      if (seconds > 0 && seconds < 1) return `${whole.format(seconds * 1000)} ${say.units.ms}`;
      if (seconds < 60) return `${fine.format(seconds)} ${say.units.s}`;
      return seconds < 3600 ? `${fine.format(seconds / 60)} ${say.units.min}` : `${fine.format(seconds / 3600)} ${say.units.h}`;
    },
  };
}
