// Places on the map, by kind and status: fetched for the open area, and again whenever the stream says that some changed.

export const STATUSES = ["open", "full", "suspended", "overdue"];
export const COLOURS = { open: "#14734b", full: "#d98e04", suspended: "#5d6b72" };

const PAGE = 2_000;
const MOST = 6_000; // of the largest province some 1,300; more dots than this nobody tells apart
// The first change is asked for at once, those that follow together: many officers confirm in the same minutes.
const ASK_AGAIN_MS = 1_000;
const FRESH_MS = 4_000;
// Answers may be about a second behind; one that is older than the change that it was asked for is asked for again.
const BEHIND_MS = 300;
const MOST_TRIES = 6;
const STREAMS = ["facility-updated", "further-facility-updated"];

/** Holds the places of the open area; `changed()` is called whenever they differ, `failed(error)` when they are not to be had, and
 * `failed(null)` when they are again. */
export class Places {
  constructor(listener) {
    this.listener = listener;
    this.area = null;
    this.items = [];
    this.more = false;
    this.turn = 0;
    this.asked = 0;
    this.timer = null;
    this.needed = null;
    this.tries = 0;
  }

  /** Shows the places of an area; null: of none. */
  show(area) {
    if (area === this.area) return;
    this.area = area;
    this.items = [];
    this.more = false;
    this.turn += 1;
    this.listener.failed(null);
    this.listener.changed();
    if (area) this.ask();
  }

  /** Some places changed; asOf: how recent the news of it is. */
  askAgain(asOf) {
    this.needed = asOf;
    this.tries = 0;
    if (!this.area || this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.ask();
    }, Math.max(0, this.asked + ASK_AGAIN_MS - Date.now()));
  }

  async ask() {
    const turn = ++this.turn;
    const { area } = this;
    this.asked = Date.now();
    if (!area) return;
    try {
      const items = [];
      let cursor = null;
      let behind = false;
      do {
        const response = await fetch(`/v1/places?${new URLSearchParams({ area, limit: PAGE, ...(cursor && { cursor }) })}`);
        if (!response.ok) throw new Error(`places: ${response.status}`);
        const page = await response.json();
        items.push(...page.items.filter(({ status }) => status !== "closed"));
        cursor = page.cursor;
        behind ||= STREAMS.some((name) => newest(page.as_of, name) < newest(this.needed, name));
      } while (cursor !== null && items.length < MOST);
      if (turn !== this.turn) return; // another area was opened, or something newer asked for
      this.listener.failed(null);
      this.take(items, cursor !== null);
      if (behind && this.tries++ < MOST_TRIES) setTimeout(() => turn === this.turn && this.ask(), BEHIND_MS);
    } catch (error) {
      if (turn === this.turn) this.listener.failed(error);
    }
  }

  take(items, more) {
    const before = new Map(this.items.map((place) => [place.facility_id, place]));
    const now = Date.now();
    const known = before.size > 0;
    this.more = more;
    this.items = items.map((place) => {
      const former = before.get(place.facility_id);
      const same = former !== undefined && former.updated_at === place.updated_at;
      return { ...place, freshUntil: same ? former.freshUntil : known ? now + FRESH_MS : 0 };
    });
    this.listener.changed();
    if (this.items.some(({ freshUntil }) => freshUntil > now)) setTimeout(() => this.listener.changed(), FRESH_MS);
  }

  /** Those of a kind ("all" for every) and a status ("" for every), as the map takes them. */
  wanted(kind, status) {
    const now = Date.now();
    const ofKind = (place) => kind === "all" || place.kind === kind;
    const ofStatus = (place) => status === "" || (status === "overdue" ? place.overdue : place.status === status);
    return this.items
      .filter((place) => ofKind(place) && ofStatus(place))
      .map((place) => ({ ...place, colour: COLOURS[place.status], fresh: place.freshUntil > now }));
  }
}

/** The time of a stream's newest event, in milliseconds; 0 where there is none. */
function newest(asOf, name) {
  return asOf?.[name]?.time ? Date.parse(asOf[name].time) : 0;
}

/** The choice of kind and status below the map, and a table of what there is. */
export class PlacesBox {
  constructor(element, { choose }) {
    this.element = element;
    this.kind = this.select("places-kind", (places) => choose({ places }));
    this.status = this.select("places-status", (status) => choose({ status }));
    this.note = document.createElement("p");
    this.table = document.createElement("table");
    element.replaceChildren(this.kind.label, this.status.label, this.note, this.table);
  }

  select(id, chosen) {
    const label = document.createElement("label");
    const title = document.createElement("span");
    const box = document.createElement("select");
    box.id = id;
    box.addEventListener("change", () => chosen(box.value));
    label.append(title, box);
    return { label, title, box };
  }

  fill({ title, box }, name, value, options) {
    title.textContent = name;
    const key = JSON.stringify(options);
    if (box.dataset.key !== key) {
      box.replaceChildren(...options.map(([each, text]) => new Option(text, each)));
      box.dataset.key = key;
    }
    box.value = value;
  }

  show(state, places, found, words) {
    const { say } = words;
    const kinds = [...new Set([...Object.keys(say.kinds), ...places.items.map(({ kind }) => kind), ...(["", "all"].includes(state.places) ? [] : [state.places])])];
    this.fill(this.kind, say.placesOnMap, state.places, [["", say.noPlacesShown], ["all", say.everyKind], ...kinds.map((kind) => [kind, say.kinds[kind] ?? kind])]);
    this.fill(this.status, say.placeStatus, state.status, [["", say.everyStatus], ...STATUSES.map((each) => [each, say.statuses[each]])]);
    this.status.label.hidden = state.places === "";
    const without = found.filter(({ position }) => position === null).length;
    const notes = [];
    if (state.places !== "" && state.area === "") notes.push(say.chooseProvince);
    if (places.more) notes.push(say.tooManyPlaces(words.number(places.items.length)));
    if (without > 0) notes.push(say.placesWithout(words.number(without)));
    this.note.textContent = notes.join(" · ");
    this.note.hidden = notes.length === 0;
    this.showTable(found, words);
  }

  showTable(found, words) {
    const { say } = words;
    const counts = new Map();
    for (const { kind, status, overdue } of found) {
      const row = counts.get(kind) ?? { open: 0, full: 0, suspended: 0, overdue: 0 };
      row[status] += 1;
      row.overdue += overdue ? 1 : 0;
      counts.set(kind, row);
    }
    this.table.hidden = counts.size === 0;
    const cell = (name, ...content) => {
      const element = document.createElement(name);
      element.append(...content);
      return element;
    };
    const dot = (status) => {
      const element = document.createElement("i");
      element.ariaHidden = "true";
      if (status === "overdue") element.className = "ring";
      else element.style.backgroundColor = COLOURS[status];
      return element;
    };
    const head = cell("tr", cell("th", say.kindColumn), ...STATUSES.map((status) => cell("th", dot(status), say.statuses[status])));
    for (const each of head.children) each.scope = "col";
    const rows = [...counts].map(([kind, row]) => {
      const title = cell("th", say.kinds[kind] ?? kind);
      title.scope = "row";
      const line = cell("tr", title, ...STATUSES.map((status) => cell("td", words.number(row[status]))));
      line.dataset.kind = kind;
      return line;
    });
    this.table.replaceChildren(cell("caption", say.placesTable), cell("thead", head), cell("tbody", ...rows));
  }

  /** What the map's tooltip says of a place. */
  describe(place, words) {
    const { say } = words;
    const element = document.createElement("div");
    const lines = [say.kinds[place.kind] ?? place.kind, say.statuses[place.status]];
    if (place.overdue) lines.push(say.statuses.overdue);
    if (place.capacity !== null && place.free !== null) lines.push(say.freeBeds(words.number(place.free), words.number(place.capacity)));
    lines.push(say.confirmedAt(words.time(place.confirmed_at)));
    const title = document.createElement("strong");
    title.textContent = place.name;
    const rest = document.createElement("span");
    rest.textContent = lines.join(" · ");
    element.append(title, rest);
    return element;
  }
}
