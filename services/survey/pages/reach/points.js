// Vaccination points, and how many are expected on which day against what each takes.

import { ask } from "../api.js";
import { learnNames, placeName } from "../areas.js";
import { action } from "../form.js";
import { whereThisIs } from "../here.js";
import { day, fill, h, notice, number } from "../page.js";

/** Shows the points of an area; a button shows those near the reader instead. */
export async function showPoints(place, { area }) {
  const rows = h("div", { role: "status" });
  fill(place, h("div", { class: "buttons tools" }, action({ text: "nearMe", run: near })), rows);
  await show({ area });

  async function near() {
    try {
      const { latitude, longitude } = await whereThisIs({ exact: false });
      // Two digits are a kilometre: near enough to choose from, and an address of no house.
      await show({ near: `${latitude.toFixed(2)},${longitude.toFixed(2)}` });
    } catch (error) {
      if (error.isRefusal) throw error;
      notice("noPosition");
    }
  }

  async function show(query) {
    const { items } = await ask("GET", "/v1/vaccination-points", { query });
    await learnNames(items.map((one) => one.area));
    fill(rows, items.length === 0 ? h("p", { class: "empty", text: "noPoints" }) : h("ul", { class: "list two" }, items.map(point)));
  }
}

function point(one) {
  return h(
    "li",
    { "data-point": one.facility_id },
    h("p", { class: "line" }, h("span", { class: "name" }, one.name), h("span", { class: one.status === "open" ? "tag good" : "tag late", text: `status_${one.status}` })),
    h("p", { class: "line soft" }, h("span", { text: placeName(one.area) }), one.metres !== null && h("span", { text: ["kmAway", { km: () => number(Math.round(one.metres / 100) / 10) }] })),
    h("p", { class: "line", text: one.capacity === null ? "capacityUnknown" : ["perDay", { number: () => number(one.capacity) }] }),
    one.days.length === 0
      ? h("p", { class: "hint", text: "noneBooked" })
      : h(
          "ul",
          { class: "steps" },
          one.days.map(({ day: date, booked, over }) => h("li", {}, h("span", { text: ["bookedOn", { day: () => day(`${date}T12:00:00+07:00`), booked: () => number(booked) }] }), over && " ", over && h("span", { class: "tag bad", text: "over" }))),
        ),
  );
}
