// The figures: asked for when a view opens, and kept up to date by the live stream.
//
// An area's figures are one object, whoever brought them:
//   submissions, households, persons, one_dose, two_doses, three_doses, wanting, wanting_608, home_visit, suppressed,
//   houses and population ({value, source, dated}, or null where no table tells), places ({total, overdue}).

const CHILD_LEVEL = { 0: "province", 2: "district", 4: "subdistrict" };
const OWN_LEVEL = { 0: "country", 2: "province", 4: "district" };

// While the stream is away figures are asked for at this pace; while it is there only `as_of` is, so that silence can be
// told from a standstill.
const POLL_MS = 15_000;
// A browser gives an event source up for good when it is refused; then we come back ourselves.
const RETRY_MS = 5_000;
// Subdistricts and places are asked for when the stream says that they changed, at most this often.
const ASK_AGAIN_MS = 1_500;

export function childLevel(area) {
  return CHILD_LEVEL[area.length];
}

/** Holds the figures of every area seen so far, and tells `listener` what happens to them. */
export class Figures {
  /**
   * listener: {changed(codes), placesChanged(), asOf(), connected(), failed(error)}; codes is a set, or null when
   * everything may differ. placesChanged: some places of the open area did.
   */
  constructor(listener) {
    this.listener = listener;
    this.areas = new Map();
    this.names = new Map();
    this.children = new Map();
    this.asOf = {};
    this.connected = false;
    this.area = "";
    this.newest = "";
    this.opening = 0;
    this.asking = new Map();
  }

  /** Shows another area: asks for its figures and those of what lies in it. */
  async open(area) {
    this.area = area;
    await this.ask();
  }

  start() {
    this.connect();
    setInterval(() => this.poll(), POLL_MS);
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.poll();
    });
  }

  async ask() {
    const turn = ++this.opening;
    const { area } = this;
    const levels = [OWN_LEVEL[area.length], childLevel(area)];
    try {
      const answers = await Promise.all(
        levels.flatMap((level) => ["coverage", "progress", "freshness"].map((what) => fetchRows(what, area, level))),
      );
      if (turn !== this.opening) return; // another area was opened meanwhile
      answers.forEach((answer) => this.take(answer));
      this.listener.failed(null);
      this.listener.asOf();
      this.listener.changed(null);
    } catch (error) {
      if (turn === this.opening) this.listener.failed(error);
    }
  }

  async poll() {
    if (document.visibilityState !== "visible") return;
    if (!this.connected) return this.ask();
    try {
      const answer = await fetchRows("coverage", "", "country");
      this.takeAsOf(answer.as_of);
      this.listener.failed(null);
      this.listener.asOf();
    } catch (error) {
      this.listener.failed(error);
    }
  }

  /** Asks again for one kind of figures below the open area, now or as soon as the last asking is long enough ago. */
  askSoon(what) {
    if (this.asking.has(what)) return;
    this.asking.set(
      what,
      setTimeout(async () => {
        this.asking.delete(what);
        const { area } = this;
        try {
          const answers = await Promise.all([OWN_LEVEL[area.length], childLevel(area)].map((level) => fetchRows(what, area, level)));
          const changed = answers.flatMap((answer) => this.take(answer));
          this.listener.failed(null);
          if (changed.length > 0) this.listener.changed(new Set(changed));
        } catch (error) {
          this.listener.failed(error);
        }
      }, ASK_AGAIN_MS),
    );
  }

  connect() {
    const source = new EventSource("/v1/live");
    source.addEventListener("open", () => this.setConnected(true));
    source.addEventListener("error", () => {
      this.setConnected(false);
      if (source.readyState === EventSource.CLOSED) {
        source.close();
        setTimeout(() => this.connect(), RETRY_MS);
      }
    });
    source.addEventListener("reset", (event) => this.takeLive(JSON.parse(event.data), true));
    source.addEventListener("change", (event) => this.takeLive(JSON.parse(event.data), false));
  }

  setConnected(connected) {
    if (connected === this.connected) return;
    this.connected = connected;
    this.listener.connected();
  }

  takeLive(event, whole) {
    this.setConnected(true);
    this.takeAsOf(event.as_of);
    const changed = new Set();
    for (const [code, row] of Object.entries(event.areas)) {
      if (this.merge(code, fromLive(row))) changed.add(code);
    }
    if (whole) this.listener.failed(null);
    this.listener.asOf();
    if (changed.size > 0) this.listener.changed(whole ? null : changed);
    const here = (codes) => codes === null || codes.some((code) => code.startsWith(this.area));
    if (this.area.length === 4 && here(event.subdistricts)) {
      this.askSoon("coverage");
      this.askSoon("progress");
    }
    if (here(event.places)) {
      this.askSoon("freshness");
      this.listener.placesChanged();
    }
  }

  /** Takes in an answer, unless the live stream was faster; returns the codes of areas that differ from before. */
  take(answer) {
    const kind = answer.kind;
    const time = answer.as_of["survey-submitted"]?.time ?? "";
    if (kind !== "freshness" && answer.level !== "subdistrict" && time < this.newest) return [];
    this.takeAsOf(answer.as_of);
    if (answer.level === childLevel(answer.area)) {
      this.children.set(answer.area, answer.rows.map((row) => row.area));
    }
    const changed = [];
    for (const row of answer.rows) {
      this.names.set(row.area, { code: row.area, name_th: row.name_th, name_en: row.name_en });
      if (this.merge(row.area, FROM[kind](row))) changed.push(row.area);
    }
    return changed;
  }

  takeAsOf(asOf) {
    const time = asOf["survey-submitted"]?.time ?? "";
    if (time >= this.newest) {
      this.newest = time;
      this.asOf = asOf;
    }
  }

  /**
   * How recent figures are that come from some streams: the newest event of any, what waits in all, and when that was
   * measured of the one that was measured longest ago. Undefined while one of them is not known.
   */
  asOfAll(streams) {
    const known = streams.map((name) => this.asOf[name]);
    if (known.includes(undefined)) return undefined;
    const all = (field) => (known.some((each) => each[field] === null) ? null : known.map((each) => each[field]));
    const times = known.map((each) => each.time).filter((time) => time !== null);
    return {
      time: times.toSorted().at(-1) ?? null,
      lag: all("lag")?.reduce((sum, lag) => sum + lag, 0) ?? null,
      lag_measured_at: all("lag_measured_at")?.toSorted()[0] ?? null,
    };
  }

  merge(code, news) {
    const before = this.areas.get(code);
    const after = { ...before, ...news };
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(after)) return false;
    this.areas.set(code, after);
    return true;
  }
}

const FROM = {
  coverage: (row) => ({ ...counts(row), population: whole(row.one_dose), suppressed: row.suppressed }),
  progress: (row) => ({ houses: whole(row.households) }),
  freshness: (row) => ({ places: { total: row.total, overdue: row.overdue } }),
};

function fromLive(row) {
  return { ...counts(row), population: whole(row.one_dose), houses: whole(row.progress), suppressed: false };
}

function counts(row) {
  return {
    submissions: row.submissions,
    households: row.households,
    persons: row.persons,
    one_dose: row.one_dose.numerator,
    two_doses: row.two_doses.numerator,
    three_doses: row.three_doses.numerator,
    wanting: row.wanting,
    wanting_608: row.wanting_608,
    home_visit: row.home_visit,
  };
}

function whole(ratio) {
  return ratio.denominator === null ? null : { value: ratio.denominator, source: ratio.source, dated: ratio.dated };
}

async function fetchRows(kind, area, level) {
  const response = await fetch(`/v1/${kind}?${new URLSearchParams({ area, level })}`);
  if (!response.ok) throw new Error(`${kind}: ${response.status}`);
  return { kind, ...(await response.json()) };
}
