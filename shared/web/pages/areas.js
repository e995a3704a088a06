// Areas by name: three selects to choose one with, and the names of codes that services answer with.

import { ask, issuerAddress } from "./api.js";
import { h, inLanguage, say, speak } from "./elements.js";

const lists = new Map(); // code of the area around -> promise of [{code, name_th, name_en}]
const known = new Map(); // code -> {code, name_th, name_en}

/** The areas one level below `within`, by code. */
export function areasIn(within) {
  if (!lists.has(within)) {
    const list = issuerAddress()
      .then((address) => ask("GET", `${address}/v1/areas`, { query: { within } }))
      .then((areas) => {
        for (const area of areas) known.set(area.code, area);
        return areas;
      });
    list.catch(() => lists.delete(within)); // asked for again the next time
    lists.set(within, list);
  }
  return lists.get(within);
}

/** Fetches the names of codes; what cannot be fetched is shown by its code. */
export async function learnNames(codes) {
  const around = new Set([...codes].flatMap((code) => ["", code.slice(0, 2), code.slice(0, 4)].filter((each) => each.length < code.length)));
  await Promise.allSettled([...around].map(areasIn));
}

function bare(code) {
  return code === "" ? say("country") : (known.get(code)?.[`name_${inLanguage()}`] ?? code);
}

/** An area's name with what it is before it; the areas around it follow, down from `from` digits on. For `text`. */
export function placeName(code, from = 2) {
  return () => {
    if (code === "") return say("country");
    const parts = [];
    for (let digits = code.length; digits >= Math.max(from, 2); digits -= 2) parts.push(titled(code.slice(0, digits)));
    return parts.join(inLanguage() === "th" ? " " : ", ") || titled(code);
  };
}

function titled(code) {
  const kind = code.startsWith("10") ? { 2: "", 4: "", 6: say("khwaengShort") } : { 2: say("provinceShort"), 4: say("districtShort"), 6: say("subdistrictShort") };
  return kind[code.length] + bare(code);
}

const STEPS = [
  { digits: 2, text: "province" },
  { digits: 4, text: "district" },
  { digits: 6, text: "subdistrict" },
];

/**
 * A group of selects whose value is the code of an area inside `inside`: {element, value, complete, missing, set(code), showError(text), focus()}.
 * With `whole`, stopping at a higher level chooses that area as a whole.
 */
export function areaChoice({ name = "area", label = "area", inside = "", whole = false, depth = 6, changed = () => {} } = {}) {
  const steps = STEPS.filter(({ digits }) => digits > inside.length && digits <= depth);
  const error = h("p", { id: `${name}-error`, class: "error", hidden: true });
  const selects = steps.map(({ digits, text }, index) => {
    const id = `${name}-${digits}`;
    const select = h("select", { id, name: index === 0 ? name : null, disabled: index > 0, on: { change: () => choose(index) } });
    return { select, box: h("div", { class: "field" }, h("label", { for: id, text }), select) };
  });
  const element = h("fieldset", { class: "areas", "data-field": name }, h("legend", { text: label }), h("div", { class: "area-steps" }, selects.map(({ box }) => box)), error);

  async function fill(index, within) {
    const { select } = selects[index];
    const areas = await areasIn(within);
    const collator = new Intl.Collator(inLanguage());
    const options = areas.toSorted((one, other) => collator.compare(bare(one.code), bare(other.code))).map((area) => h("option", { value: area.code, text: () => bare(area.code) }));
    select.replaceChildren(h("option", { value: "", text: whole ? "allOfIt" : "choose" }), ...options);
    select.disabled = false;
  }

  async function choose(index) {
    for (const { select } of selects.slice(index + 1)) {
      select.replaceChildren();
      select.disabled = true;
    }
    showError();
    const code = selects[index].select.value;
    if (code !== "" && index + 1 < selects.length) await fill(index + 1, code);
    changed();
  }

  function showError(what) {
    error.hidden = what === undefined;
    if (what !== undefined) speak(error, { text: what });
    for (const { select } of selects) {
      if (what === undefined) {
        select.removeAttribute("aria-invalid");
        select.removeAttribute("aria-describedby");
      } else if (select.value === "" && !select.disabled) {
        select.setAttribute("aria-invalid", "true");
        select.setAttribute("aria-describedby", error.id);
      }
    }
  }

  const ready = selects.length > 0 ? fill(0, inside) : Promise.resolve();
  ready.catch(() => showError("areasUnreachable"));
  return {
    element,
    ready,
    showError,
    missing: "chooseArea",
    get value() {
      const chosen = selects.map(({ select }) => select.value).findLast((value) => value !== "");
      return chosen ?? inside;
    },
    get complete() {
      return whole || selects.every(({ select }) => select.value !== "");
    },
    async set(code) {
      await ready;
      for (const [index, { digits }] of steps.entries()) {
        if (code.length < digits) break;
        selects[index].select.value = code.slice(0, digits);
        if (index + 1 < selects.length) await fill(index + 1, code.slice(0, digits));
      }
    },
    focus: () => (selects.find(({ select }) => select.value === "" && !select.disabled) ?? selects[0])?.select.focus(),
  };
}
