// How long it takes until a request for help is accepted: asked for while a measure of help is chosen, since a median is no
// sum of what the live stream brings.

const LEVELS = { 0: "country", 2: "province", 4: "district", 6: "subdistrict" };
const AGAIN_MS = 5_000; // at most so often, however fast requests change

export class Median {
  constructor(element) {
    this.element = element;
    this.asked = null; // area and newest event of what is shown
    this.row = null;
    this.wait = null;
  }

  /** Shows it for the open area, or nothing where another measure is chosen. */
  show(view) {
    const { state, asOf } = view;
    this.view = view;
    this.element.hidden = !state.measure.startsWith("help_") || Boolean(state.day);
    if (this.element.hidden) return;
    const wanted = `${state.area} ${asOf["help-updated"]?.time ?? ""}`;
    if (wanted !== this.asked && this.wait === null) {
      if (this.asked?.split(" ")[0] !== state.area) this.row = null;
      this.asked = wanted;
      this.wait = setTimeout(() => {
        this.wait = null;
        this.show(this.view);
      }, AGAIN_MS);
      this.ask(state.area);
    }
    this.write();
  }

  async ask(area) {
    try {
      const answer = await fetch(`/v1/help?${new URLSearchParams({ area, level: LEVELS[area.length] })}`);
      if (!answer.ok) throw new Error(`help: ${answer.status}`);
      const { rows } = await answer.json();
      if (this.view.state.area !== area) return;
      this.row = rows.find((row) => row.area === area) ?? null;
      this.write();
    } catch {
      this.asked = null; // with the next change it is asked again
    }
  }

  write() {
    const { words } = this.view;
    const seconds = this.row?.median_seconds ?? null;
    if (seconds === null) {
      this.element.textContent = "";
      return;
    }
    const minutes = Math.round(seconds / 60);
    const time = minutes < 120 ? words.say.minutes(words.number(minutes)) : words.say.hours(words.number(Math.round(minutes / 6) / 10));
    this.element.textContent = words.say.medianHelp(time, words.number(this.row.accepted_lately));
  }
}
