// The country's map with its borders and named buttons, as the survey's maps begin. The page loads Leaflet and topojson-client.

/* global topojson */

import { drawLand, drawLines, groundMap, zoomButtons } from "./ground.js";
import { speak } from "./elements.js";

/** A map of the country in an element: {map, borders}, `borders` a promise of the districts' shapes, once they are drawn. */
export function borderedMap(element, options) {
  const map = groundMap(element, options);
  for (const [index, button] of zoomButtons(map).entries()) {
    button.removeAttribute("title");
    speak(button, { label: ["zoomIn", "zoomOut"][index] });
  }
  return { map, borders: draw(map) };
}

async function draw(map) {
  const [provinces, districts] = await Promise.all(["provinces", "districts"].map((name) => fetch(`/areas/${name}.topojson`).then((answer) => answer.json())));
  drawLand(map, provinces);
  drawLines(map, districts);
  return topojson.feature(districts, districts.objects.districts).features;
}
