// Areas by name, from registration's public register: three selects, and the names of codes.

import { ask, field, h, inLanguage, services } from "./help-page.js";

const lists = new Map(); // code of the area around -> promise of [{code, name_th, name_en}]
const known = new Map();

/** The areas one level below `within`. */
export function areasIn(within) {
  if (!lists.has(within)) {
    const list = services()
      .then(({ registration }) => ask(`${registration}/v1/areas?within=${within}`))
      .then((areas) => {
        for (const area of areas) known.set(area.code, area);
        return areas;
      });
    list.catch(() => lists.delete(within));
    lists.set(within, list);
  }
  return lists.get(within);
}

/** Fetches the names of codes; what cannot be fetched is shown by its code. */
export async function learnNames(codes) {
  const around = new Set([...codes].flatMap((code) => ["", code.slice(0, 2), code.slice(0, 4)].filter((each) => each.length < code.length)));
  await Promise.allSettled([...around].map(areasIn));
}

const bare = (code) => known.get(code)?.[`name_${inLanguage()}`] ?? code;

/** A subdistrict's name with its district's. */
export const placeName = (code) => () => [bare(code), bare(code.slice(0, 4))].join(" · ");

const STEPS = [
  { digits: 2, label: "province" },
  { digits: 4, label: "district" },
  { digits: 6, label: "subdistrict" },
];

/** Three selects: {element, value, set(code), missing(), showError(text)}. */
export function areaChoice() {
  const fields = STEPS.map(({ digits, label }, index) =>
    field({ name: `area-${digits}`, label, control: "select", disabled: index > 0 }),
  );
  fields.forEach(({ control }, index) => control.addEventListener("change", () => choose(index)));

  async function fill(index, within) {
    const { control } = fields[index];
    const areas = await areasIn(within);
    const collator = new Intl.Collator(inLanguage());
    const sorted = areas.toSorted((one, other) => collator.compare(bare(one.code), bare(other.code)));
    control.replaceChildren(h("option", { value: "", text: "choose" }), ...sorted.map(({ code }) => h("option", { value: code, text: () => bare(code) })));
    control.disabled = false;
  }

  async function choose(index) {
    for (const { control } of fields.slice(index + 1)) {
      control.replaceChildren();
      control.disabled = true;
    }
    for (const each of fields) each.showError();
    const code = fields[index].control.value;
    if (code !== "" && index + 1 < fields.length) await fill(index + 1, code).catch(() => fields[index].showError("areasUnreachable"));
  }

  const ready = fill(0, "").catch(() => fields[0].showError("areasUnreachable"));
  return {
    element: h("div", { class: "area-steps" }, fields.map(({ element }) => element)),
    ready,
    get value() {
      return fields[2].control.value;
    },
    async set(code) {
      await ready;
      for (const [index, { digits }] of STEPS.entries()) {
        if (code.length < digits) break;
        fields[index].control.value = code.slice(0, digits);
        await choose(index);
      }
    },
    showError(what) {
      const wrong = fields.find(({ control }) => !control.disabled && control.value === "") ?? fields[2];
      wrong.showError(what);
      wrong.control.focus();
    },
  };
}
