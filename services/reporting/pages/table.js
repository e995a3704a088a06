// The table beside the map: the same areas in numbers. It is also the map's keyboard: every name is a link that opens the area.

const COLUMNS = ["name", "ratio", "numerator", "denominator"];

/** Keeps one row per area, so that a change touches only its cells and neither focus nor scroll position is lost. */
export class AreaTable {
  constructor({ head, body, caption }, { sort, point, address, open, openFigure }) {
    this.elements = { head, body, caption };
    this.handlers = { sort, point, address, open, openFigure };
    this.rows = new Map();
    this.order = [];
  }

  /** Writes the column heads. */
  showColumns(titles, sort) {
    const column = sort.replace(/^-/, "");
    this.elements.head.replaceChildren(
      ...COLUMNS.map((name) => {
        const head = document.createElement("th");
        head.scope = "col";
        head.className = name;
        if (name === column) head.ariaSort = sort.startsWith("-") ? "descending" : "ascending";
        const button = document.createElement("button");
        button.type = "button";
        button.dataset.sort = name;
        button.textContent = titles[name];
        button.addEventListener("click", () => this.handlers.sort(name === column && sort.startsWith("-") ? name : `-${name}`, name));
        head.append(button);
        return head;
      }),
    );
  }

  /** Shows `entries` ({code, name, opens, value, texts, says, colour}) in their order; says: what opening the figure is called. */
  show(entries, caption) {
    this.elements.caption.textContent = caption;
    const codes = entries.map((entry) => entry.code);
    for (const [code, row] of this.rows) {
      if (!codes.includes(code)) {
        row.remove();
        this.rows.delete(code);
      }
    }
    for (const entry of entries) this.write(entry);
    if (codes.join() !== this.order.join()) {
      const focused = document.activeElement;
      this.elements.body.append(...codes.map((code) => this.rows.get(code)));
      if (focused !== document.activeElement && this.elements.body.contains(focused)) focused.focus({ preventScroll: true });
      this.order = codes;
    }
  }

  /** True while the reader is at work in it: then rows stay where they are. */
  get busy() {
    const { body } = this.elements;
    return body.matches(":hover") || body.contains(document.activeElement);
  }

  /** Marks the row of the area under the pointer on the map; null unmarks. */
  mark(code) {
    for (const [each, row] of this.rows) row.classList.toggle("marked", each === code);
  }

  /** Lets rows light up for a moment. */
  flash(codes) {
    for (const code of codes) {
      const row = this.rows.get(code);
      if (!row) continue;
      row.classList.remove("changed");
      void row.offsetWidth; // begins the animation again
      row.classList.add("changed");
    }
  }

  write(entry) {
    const row = this.rows.get(entry.code) ?? this.make(entry.code);
    const [name, ratio, numerator, denominator] = row.cells;
    const label = name.firstChild;
    if (entry.opens !== (label.tagName === "A")) name.replaceChildren(this.label(entry));
    name.firstChild.textContent = entry.name;
    if (entry.opens) name.firstChild.href = this.handlers.address(entry.code);
    row.dataset.state = entry.value.state;
    const figure = ratio.querySelector(".figure");
    figure.textContent = entry.texts.ratio;
    figure.title = entry.says;
    const bar = ratio.querySelector(".bar");
    bar.style.width = `${Math.min(100, 100 * (entry.value.ratio ?? 0))}%`;
    bar.style.backgroundColor = entry.colour ?? "";
    numerator.textContent = entry.texts.numerator;
    denominator.textContent = entry.texts.denominator;
  }

  label({ code, opens }) {
    const label = document.createElement(opens ? "a" : "span");
    if (opens) {
      label.addEventListener("click", (event) => {
        if (event.metaKey || event.ctrlKey || event.shiftKey) return; // a new window, as the reader wants
        event.preventDefault();
        this.handlers.open(code);
      });
    }
    return label;
  }

  make(code) {
    const row = document.createElement("tr");
    row.dataset.area = code;
    const name = document.createElement("th");
    name.scope = "row";
    name.append(document.createElement("span"));
    const ratio = document.createElement("td");
    ratio.className = "ratio";
    const figure = document.createElement("button");
    figure.type = "button";
    figure.className = "figure";
    figure.addEventListener("click", () => this.handlers.openFigure(code));
    const track = document.createElement("span");
    track.className = "track";
    const bar = document.createElement("span");
    bar.className = "bar";
    track.append(bar);
    ratio.append(figure, track);
    row.append(name, ratio, document.createElement("td"), document.createElement("td"));
    row.cells[2].className = "numerator";
    row.cells[3].className = "denominator";
    row.addEventListener("pointerenter", () => this.handlers.point(code));
    row.addEventListener("pointerleave", () => this.handlers.point(null));
    row.addEventListener("focusin", () => this.handlers.point(code));
    row.addEventListener("focusout", () => this.handlers.point(null));
    this.rows.set(code, row);
    return row;
  }
}
