// What can be judged at the door, without the service: it judges the same again (services/survey/submission.py).

export const BUDDHIST = 543;
export const EARLIEST_DOSE = "2020-12-01";

export const RISKS = ["chronic_respiratory", "cardiovascular", "chronic_kidney_failure", "stroke", "obesity", "cancer", "diabetes"];
export const REASONS = [
  "side_effects", "allergy", "other_vaccine", "stays_home", "hard_to_reach", "unfounded_fear", "not_bother_family", "cost", "lives_elsewhere",
  "medical_advice", "recently_infected", "pregnant", "religious", "no_parent_consent", "no_identity_document", "other", "no_answer",
];

/** Vaccines by CVX code, with the day from which they were given in Thailand; earlier doses were had abroad. */
export const VACCINES = [
  { code: "511", name: "CoronaVac (Sinovac)", from: "2021-02-28" },
  { code: "210", name: "AstraZeneca", from: "2021-02-28" },
  { code: "510", name: "Sinopharm", from: "2021-06-25" },
  { code: "208", name: "Pfizer", from: "2021-08-04" },
  { code: "207", name: "Moderna", from: "2021-11-01" },
  { code: "218", name: "Pfizer 5–11", from: "2022-01-31" },
  { code: "212", name: "Janssen", from: null },
  { code: "211", name: "Novavax", from: null },
  { code: "213", name: null, from: null },
];

/** Text with Arabic instead of Thai digits. */
export function arabic(text) {
  return text.replace(/[๐-๙]/g, (digit) => String(digit.charCodeAt(0) - 0x0e50));
}

/** The vaccines in the order in which a dose of that day may have been one of them: those given here first. */
export function vaccinesOn(day) {
  const here = ({ from }) => from !== null && (!day || from <= day);
  return [...VACCINES.filter(here), ...VACCINES.filter((one) => !here(one))];
}

/**
 * What was typed as an age or a year of birth of either era: {age} or {birth_year}, null for neither. Years above 2300 are
 * of the Buddhist era.
 */
export function ageOf(text, today = new Date()) {
  const written = arabic(text.trim());
  if (!/^\d{1,4}$/.test(written)) return null;
  const value = Number(written);
  if (value <= 130) return { age: value };
  const year = value > 2300 ? value - BUDDHIST : value;
  return year >= today.getFullYear() - 130 && year <= today.getFullYear() ? { birth_year: value } : null;
}

/** The age in years that `ageOf` found, roughly for a year of birth. */
export function yearsOf({ age, birth_year: year }, today = new Date()) {
  return age ?? today.getFullYear() - (year > 2300 ? year - BUDDHIST : year);
}

/** Whether a national id has 13 digits, and whether its check digit is right: {digits, right}. */
export function nationalId(text) {
  const digits = arabic(text).replace(/[\s-]/g, "");
  if (!/^[0-8]\d{12}$/.test(digits)) return { digits: null, right: false };
  const sum = [...digits.slice(0, 12)].reduce((total, digit, index) => total + Number(digit) * (13 - index), 0);
  return { digits, right: (11 - (sum % 11)) % 10 === Number(digits[12]) };
}

/** A Thai mobile number in its ten digits, or null. */
export function mobile(text) {
  const digits = arabic(text).replace(/[\s\-().]/g, "").replace(/^(\+66|0066)/, "0");
  return /^0[689]\d{8}$/.test(digits) ? digits : null;
}

/** What is wrong with the dates of doses, given in the order of their numbers: null, or a key of the texts. */
export function dosesProblem(dates, today) {
  let before = EARLIEST_DOSE;
  for (const date of dates) {
    if (!date) continue;
    if (date > today) return "doseInFuture";
    if (date < before) return before === EARLIEST_DOSE ? "doseTooEarly" : "doseBeforeOther";
    before = date;
  }
  return null;
}

/** Whether a date field holds a day, with or without a time, of this century: a year takes a digit too many, or one of the other era. */
export function dated(text) {
  return /^20\d\d-/.test(text) && !Number.isNaN(Date.parse(text));
}

/** The number of the next door: 99/1 after 99, by its last number. */
export function nextHouse(house) {
  const last = arabic(house ?? "").match(/^(.*?)(\d+)$/);
  return last ? last[1] + (Number(last[2]) + 1) : "";
}
