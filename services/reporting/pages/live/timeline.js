// The slider over the past days: its right end is now.

import { dayAfter, daysAgo, today } from "./past.js";
import { make } from "./values.js";

const DAYS = 29; // before today: four weeks and a day show a trend, and each day is still some pixels wide on a phone
const SETTLED_MS = 150; // while the slider moves nothing is asked for
const STEP_MS = 900;

export class Timeline {
  /** choose(day): a day was chosen, empty for now; resolves when its figures are there. */
  constructor(element, choose) {
    this.element = element;
    this.choose = choose;
    this.settling = null;
    this.playing = false;
    this.slider = document.createElement("input");
    Object.assign(this.slider, { type: "range", id: "timeline-day", max: "0", step: "1" });
    this.slider.addEventListener("input", () => {
      this.playing = false;
      this.writeDay(this.chosen());
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.choose(this.chosen()), SETTLED_MS);
    });
    this.label = make("label", "unseen");
    this.label.htmlFor = this.slider.id;
    this.text = make("output", "day");
    this.player = make("button", "play");
    this.back = make("button", "now");
    for (const button of [this.player, this.back]) button.type = "button";
    this.player.addEventListener("click", () => (this.playing ? this.stop() : this.play()));
    this.back.addEventListener("click", () => {
      this.playing = false;
      this.choose("");
      this.slider.focus();
    });
    element.replaceChildren(this.player, this.label, this.slider, this.text, this.back);
  }

  /** How many pixels of the map's lower edge it stands over. */
  get covers() {
    return getComputedStyle(this.element).position === "absolute" ? this.element.offsetHeight + 4 : 0;
  }

  chosen() {
    const days = Number(this.slider.value);
    return days === 0 ? "" : dayAfter(today(), days);
  }

  show({ state, words }) {
    this.words = words;
    const { say } = words;
    const age = state.day ? daysAgo(state.day) : 0;
    this.slider.min = String(-Math.max(DAYS, age));
    this.slider.value = String(-age);
    this.label.textContent = say.timelineDay;
    this.back.textContent = say.backToLive;
    this.back.hidden = state.day === "";
    this.writeDay(state.day);
    this.writePlayer();
  }

  writeDay(day) {
    const text = day ? this.words.day(day) : this.words.say.timelineLive;
    this.text.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }

  writePlayer() {
    this.player.textContent = this.playing ? "❚❚" : "▶";
    this.player.ariaLabel = this.playing ? this.words.say.pause : this.words.say.play;
  }

  stop() {
    this.playing = false;
    this.writePlayer();
  }

  /** From the chosen day, or from the first, day by day until now. */
  async play() {
    this.playing = true;
    if (this.slider.value === "0") this.slider.value = this.slider.min;
    else this.slider.stepUp();
    while (this.playing) {
      const shown = new Promise((resolve) => setTimeout(resolve, STEP_MS));
      await this.choose(this.chosen());
      await shown;
      if (!this.playing) return;
      if (this.slider.value === "0") this.stop();
      else this.slider.stepUp();
    }
  }
}
