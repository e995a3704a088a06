// The reader's language: Thai first, English by a switch; remembered for the next visit and for the other pages.

const KEPT = "jitasa.language";

/** How numbers and times are written. Digits are Arabic in both; years are of the Buddhist era in Thai. */
export const LOCALES = { th: "th-TH-u-ca-buddhist-nu-latn", en: "en-GB" };
export const LANGUAGES = Object.keys(LOCALES);
export const BANGKOK = "Asia/Bangkok";

/** What a language is called by those who speak it. */
export const OWN_NAMES = { th: "ไทย", en: "English" };

/** The language chosen at an earlier visit, otherwise Thai. */
export function keptLanguage() {
  try {
    const kept = localStorage.getItem(KEPT);
    return LANGUAGES.includes(kept) ? kept : "th";
  } catch {
    return "th"; // storage is refused
  }
}

/** Remembers the language, where the browser lets us; otherwise only the address carries it. */
export function keepLanguage(language) {
  try {
    localStorage.setItem(KEPT, language);
  } catch {
    // Storage is refused.
  }
}

/** The language that the address asks for, which is then remembered; otherwise the one chosen last. */
export function chosenLanguage() {
  const asked = new URLSearchParams(location.search).get("lang");
  if (!LANGUAGES.includes(asked)) return keptLanguage();
  keepLanguage(asked);
  return asked;
}
