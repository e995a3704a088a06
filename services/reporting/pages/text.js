// How the page speaks: its words in Thai or English, and how it writes numbers and times.
// Digits are Arabic in both: Thai digits belong to formal letters. Years are of the Buddhist era in Thai.

import { BANGKOK, LOCALES } from "./language.js";
import { ENGLISH } from "./live/english.js";
import { THAI } from "./live/thai.js";

const TEXTS = { th: THAI, en: ENGLISH };

/** The words and formats of one language. */
export function speech(language) {
  const locale = LOCALES[language];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const roundPercent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: BANGKOK });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium", timeZone: BANGKOK });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
  return {
    language,
    say: TEXTS[language],
    collator: new Intl.Collator(language),
    number: (value) => whole.format(value),
    percent: (ratio) => percent.format(ratio),
    roundPercent: (ratio) => roundPercent.format(ratio),
    time: (text) => moment.format(new Date(text)),
    clock: (moment) => clock.format(moment),
    day: (text) => day.format(new Date(text)),
    /** A name of something that has `name_th` and `name_en`. */
    name: (area) => area[`name_${language}`],
  };
}

/** An area's name with what it is before it, as Thai headings write it: "จังหวัดเชียงใหม่", but "กรุงเทพมหานคร". */
export function fullName(area, { say, name }) {
  const inBangkok = area.code.startsWith("10");
  const kind = { 2: inBangkok ? "" : say.province, 4: inBangkok ? "" : say.district, 6: inBangkok ? say.khwaeng : say.subdistrict };
  return (kind[area.code.length] ?? "") + name(area);
}
