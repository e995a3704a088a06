// A map without tiles, which would be fetched from elsewhere: Thailand's borders are its ground. The page loads Leaflet
// and topojson-client.

/* global L, topojson */

const LAND = { color: "#9fb3bb", weight: 1, fillColor: "#f7faf7", fillOpacity: 1 };
const LINES = { color: "#c3d0d5", weight: 0.7, fill: false };
export const COUNTRY = [[5.5, 97.2], [20.6, 105.8]];

/** A map of the country in an element. */
export function groundMap(element, options = {}) {
  const map = L.map(element, {
    renderer: L.canvas({ padding: 0.3, tolerance: 6 }),
    zoomControl: false,
    attributionControl: false,
    minZoom: 4,
    maxZoom: 17,
    maxBounds: L.latLngBounds(COUNTRY).pad(0.4),
    dragging: !L.Browser.mobile, // one finger scrolls the page past the map; two move and zoom it
    ...options,
  });
  map.fitBounds(COUNTRY, { animate: false });
  map.zoomButtons = L.control.zoom({ position: "topright" }).addTo(map);
  new ResizeObserver(() => element.isConnected && map.invalidateSize({ animate: false })).observe(element);
  return map;
}

/** The buttons for zooming, to be named in the reader's language: [in, out]. */
export function zoomButtons(map) {
  const box = map.zoomButtons.getContainer();
  return [box.querySelector(".leaflet-control-zoom-in"), box.querySelector(".leaflet-control-zoom-out")];
}

/** Draws the provinces, which are the land; `each(properties, layer)` is called for every one. */
export function drawLand(map, topology, each = () => {}) {
  L.geoJSON(topojson.feature(topology, topology.objects.provinces), {
    style: LAND,
    interactive: false,
    onEachFeature: ({ properties }, layer) => each(properties, layer),
  }).addTo(map);
}

/** Draws the lines between the districts. */
export function drawLines(map, topology) {
  L.geoJSON(topojson.mesh(topology, topology.objects.districts), { style: LINES, interactive: false }).addTo(map);
}
