// Everything the page says, in Thai and English, and how it writes numbers and times.
// Digits are Arabic in both: Thai digits belong to formal letters. Years are of the Buddhist era in Thai.

import { BANGKOK, LOCALES } from "./language.js";

const TEXTS = {
  th: {
    title: "จิตอาสา – ภาพสดการสำรวจวัคซีน",
    name: "จิตอาสา",
    subtitle: "ภาพสดการสำรวจวัคซีนโควิด-19 รายครัวเรือน",
    skip: "ข้ามไปที่ตาราง",
    path: "พื้นที่",
    map: "แผนที่ ตัวเลขเดียวกันอยู่ในตาราง",
    zoomIn: "ขยาย",
    zoomOut: "ย่อ",
    measure: "ตัวชี้วัดบนแผนที่และในตาราง",
    suppression: "พื้นที่ระดับตำบลที่มีผู้ถูกนับน้อยกว่า 5 คนจะไม่แสดงตัวเลข เพื่อไม่ให้รู้ว่าเป็นครัวเรือนใด",
    boundaries: "เส้นเขต",
    codes: "รหัสและชื่อพื้นที่",
    interface: "ส่วนต่อประสานข้อมูล",
    country: "ประเทศไทย",
    province: "จังหวัด",
    district: "อำเภอ",
    subdistrict: "ตำบล",
    khwaeng: "แขวง",
    byProvince: "รายจังหวัด",
    byDistrict: "รายอำเภอ/เขต",
    bySubdistrict: "รายตำบล/แขวง",
    areaColumn: { province: "จังหวัด", district: "อำเภอ/เขต", subdistrict: "ตำบล/แขวง" },

    progress: "ความก้าวหน้าการสำรวจ",
    one_dose: "ได้รับวัคซีนอย่างน้อย 1 เข็ม",
    two_doses: "ได้รับครบ 2 เข็ม",
    three_doses: "ได้รับเข็มกระตุ้น",
    wanting: "ต้องการวัคซีน",
    wanting_608: "กลุ่ม 608 ที่ต้องการวัคซีน",
    home_visit: "ต้องการให้เยี่ยมบ้าน",
    overdue: "สถานที่เกินกำหนดปรับปรุง",

    households: "ครัวเรือนที่สำรวจแล้ว",
    houses: "บ้านทั้งหมด",
    persons: "คน",
    surveyedPersons: "ผู้ที่สำรวจแล้ว",
    residents: "ประชากร",
    overduePlaces: "เกินกำหนด",
    allPlaces: "สถานที่",
    share: "ร้อยละ",

    of: "คิดเป็นร้อยละของ",
    ofSurveyed: "ผู้ที่สำรวจแล้ว",
    ofPopulation: "ประชากรตามทะเบียน",
    wholeHouses: "ตัวหาร: บ้านที่ต้องสำรวจ",
    wholePopulation: "ตัวหาร: ประชากรตามทะเบียน",
    wholeSurveyed: "ตัวหาร: ผู้ที่สำรวจแล้วในพื้นที่",
    wholePlaces: "ตัวหาร: สถานที่ที่ยังไม่ปิด เกินกำหนดเมื่อไม่ได้ยืนยันข้อมูลเกิน 7 วัน",
    noTable: "ยังไม่มีตารางตัวหาร",
    dated: (date) => `ณ ${date}`,

    none: "ยังไม่มีผลสำรวจ",
    noPlaces: "ยังไม่มีสถานที่",
    unknown: "ไม่ทราบตัวหาร",
    suppressed: "ปกปิด",
    suppressedLong: "ปกปิด (น้อยกว่า 5 คน)",
    rangeBelow: (to) => `น้อยกว่า ${to}`,
    range: (from, to) => `${from} – ${to}`,
    rangeFrom: (from) => `${from} ขึ้นไป`,
    areas: { province: "จังหวัด", district: "อำเภอ/เขต", subdistrict: "ตำบล/แขวง" },
    outOf: (part, whole) => `${part} จาก ${whole}`,

    loading: "กำลังโหลด",
    live: "สด",
    behind: (count) => `สด · รอประมวลผล ${count} รายการ`,
    stale: "ข้อมูลอาจไม่ล่าสุด",
    interrupted: "การเชื่อมต่อสดขาด กำลังเชื่อมต่อใหม่ ตัวเลขที่เห็นอาจไม่ล่าสุด",
    late: (count) => `การประมวลผลล่าช้า ยังรออีก ${count} รายการ ตัวเลขที่เห็นไม่ใช่ล่าสุด`,
    lagUnknown: "ไม่ทราบว่าข้อมูลล่าสุดเพียงใด ระบบไม่ได้รายงานความล่าช้า",
    failed: "โหลดข้อมูลไม่สำเร็จ กำลังลองใหม่",
    noMap: "โหลดแผนที่ไม่สำเร็จ ตัวเลขทั้งหมดยังอยู่ในตาราง",
    asOf: (time) => `ข้อมูล ณ ${time}`,
    noEvents: "ยังไม่มีข้อมูลเข้ามา",
    lag: (count) => `รอประมวลผล ${count} รายการ`,
    noLag: "ไม่มีรายการรอประมวลผล",
    sortedBy: (column) => `เรียงตาม${column}`,
  },
  en: {
    title: "Jitasa – live picture of the vaccination survey",
    name: "Jitasa",
    subtitle: "Live picture of the household COVID-19 vaccination survey",
    skip: "Skip to the table",
    path: "Area",
    map: "Map; the table has the same figures",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    measure: "Measure on the map and in the table",
    suppression: "Subdistricts with fewer than 5 persons counted show no figures, so that no household can be recognised.",
    boundaries: "Boundaries",
    codes: "Codes and names",
    interface: "Data interface",
    country: "Thailand",
    province: "",
    district: "",
    subdistrict: "",
    khwaeng: "",
    byProvince: "by province",
    byDistrict: "by district",
    bySubdistrict: "by subdistrict",
    areaColumn: { province: "Province", district: "District", subdistrict: "Subdistrict" },

    progress: "Survey progress",
    one_dose: "At least one dose",
    two_doses: "Complete, two doses",
    three_doses: "Booster dose",
    wanting: "Wanting vaccine",
    wanting_608: "At risk (608), wanting",
    home_visit: "Need a home visit",
    overdue: "Places overdue",

    households: "Households surveyed",
    houses: "Houses",
    persons: "Persons",
    surveyedPersons: "Surveyed",
    residents: "Residents",
    overduePlaces: "Overdue",
    allPlaces: "Places",
    share: "Share",

    of: "As a share of",
    ofSurveyed: "persons surveyed",
    ofPopulation: "registered residents",
    wholeHouses: "Denominator: houses to be surveyed",
    wholePopulation: "Denominator: registered residents",
    wholeSurveyed: "Denominator: persons surveyed in the area",
    wholePlaces: "Denominator: places that are not closed; overdue when not confirmed for more than 7 days",
    noTable: "no table of denominators yet",
    dated: (date) => `as of ${date}`,

    none: "No result yet",
    noPlaces: "No places yet",
    unknown: "Denominator unknown",
    suppressed: "Withheld",
    suppressedLong: "Withheld (fewer than 5 persons)",
    rangeBelow: (to) => `below ${to}`,
    range: (from, to) => `${from} – ${to}`,
    rangeFrom: (from) => `${from} and more`,
    areas: { province: "provinces", district: "districts", subdistrict: "subdistricts" },
    outOf: (part, whole) => `${part} of ${whole}`,

    loading: "Loading",
    live: "Live",
    behind: (count) => `Live · ${count} waiting`,
    stale: "May be out of date",
    interrupted: "The live connection is lost; reconnecting. These figures may be out of date.",
    late: (count) => `Processing is behind: ${count} records wait. These are not the latest figures.`,
    lagUnknown: "It is not known how recent these figures are: the system does not report its lag.",
    failed: "The figures could not be loaded; trying again.",
    noMap: "The map could not be loaded; all figures are in the table.",
    asOf: (time) => `Data as of ${time}`,
    noEvents: "No data has come in yet",
    lag: (count) => `${count} records waiting`,
    noLag: "no records waiting",
    sortedBy: (column) => `sorted by ${column}`,
  },
};

/** The words and formats of one language. */
export function speech(language) {
  const locale = LOCALES[language];
  const whole = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const percent = new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
  const roundPercent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium", timeZone: BANGKOK });
  const day = new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeZone: "UTC" });
  return {
    language,
    say: TEXTS[language],
    collator: new Intl.Collator(language),
    number: (value) => whole.format(value),
    percent: (ratio) => percent.format(ratio),
    roundPercent: (ratio) => roundPercent.format(ratio),
    time: (text) => moment.format(new Date(text)),
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
