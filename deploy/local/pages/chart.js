// A line over the last hour, drawn in SVG. Where samples are missing the line is broken, not drawn through.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 420;
const HEIGHT = 104;
const TOP = 18; // the highest value is written above the line
const BOTTOM = 18; // and the time below it
const MINUTES = [60, 45, 30, 15];

/**
 * The picture of one figure.
 *
 * samples: [seconds since 1970, value], oldest first; now: where the picture ends; span: how many seconds it shows;
 * broken: seconds without a sample from which on the line is broken.
 */
export function chart({ samples, now, span, broken, kind, label, highest, write, words }) {
  const most = Math.max(highest, 0);
  const x = (at) => WIDTH * (1 - (now - at) / span);
  const y = (value) => HEIGHT - BOTTOM - (most ? value / most : 0) * (HEIGHT - TOP - BOTTOM);
  const picture = element("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: `chart ${kind}`, role: "img", "aria-label": label });
  for (const minutes of MINUTES) {
    const at = x(now - minutes * 60);
    picture.append(element("line", { class: "grid", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }));
    picture.append(text(words.say.ago(minutes), { class: minutes % 30 ? "minor" : "", x: at + 3, y: HEIGHT - 4 }));
  }
  picture.append(text(words.say.now, { x: WIDTH - 2, y: HEIGHT - 4, "text-anchor": "end" }));
  picture.append(text(write(most), { x: 3, y: 12 }));
  picture.append(element("line", { class: "base", x1: 0, x2: WIDTH, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }));
  for (const run of runs(samples.filter(([at]) => now - at <= span), broken)) {
    const points = run.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).join(" L");
    const [first, last] = [x(run[0][0]).toFixed(1), x(run[run.length - 1][0]).toFixed(1)];
    picture.append(element("path", { class: "area", d: `M${first},${HEIGHT - BOTTOM} L${points} L${last},${HEIGHT - BOTTOM} Z` }));
    picture.append(element("path", { class: "line", d: run.length > 1 ? `M${points}` : `M${points} h1` }));
  }
  return picture;
}

/** The samples in pieces without a hole. */
function runs(samples, broken) {
  const found = [];
  let last = null;
  for (const sample of samples) {
    if (last === null || sample[0] - last > broken) found.push([]);
    found[found.length - 1].push(sample);
    last = sample[0];
  }
  return found;
}

function text(words, attributes) {
  const made = element("text", attributes);
  made.textContent = words;
  return made;
}

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
