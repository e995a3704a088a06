// Values in words, and small pieces of page that several parts are made of.

/** A value in words: its share, part and whole. */
export function written(found, which, words) {
  const { say } = words;
  const number = (value) => (value === null || value === undefined ? "–" : words.number(value));
  const states = { none: say[which.none], unknown: say.unknown, suppressed: say.suppressed, untold: say.untold, loading: "…" };
  return {
    ratio: found.state === "value" ? words.percent(found.ratio) : states[found.state],
    // Nothing came from there: that is not the same as a count of zero, and is not written like one.
    numerator: found.state === "none" ? "–" : number(found.numerator),
    denominator: number(found.whole?.value || null),
  };
}

/** An element with a class and content. */
export function make(name, className, ...content) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...content);
  return element;
}

/** True when a link is to be followed as the browser would: in a new tab or window. */
export function asBrowser(event) {
  return event.metaKey || event.ctrlKey || event.shiftKey;
}
