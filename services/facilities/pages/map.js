// The map: the country's ground, and on it places one by one or in groups.

/* global L */

import { COUNTRY, drawLand, drawLines, groundMap, zoomButtons } from "./ground.js";

const COLOURS = { test_point: "#7a3fa0", vaccination_point: "#14734b", hospital: "#a3202a", field_hospital: "#a04a00", waiting_centre: "#1c5fa8" };
const OTHER = "#4b626b";
const NEAR_ZOOM = 11; // closer there are no lines by which to know where one is

/** Shows places; `tap(latlng)` is called for a spot without a place, `choose(id)` for a place, `moved()` after a move. */
export class PlaceMap {
  constructor(element, { tap, choose, moved }) {
    this.choose = choose;
    this.map = groundMap(element);
    this.provinces = new Map();
    this.places = L.layerGroup().addTo(this.map);
    this.here = null;
    this.map.on("click", ({ latlng }) => tap(latlng));
    this.map.on("moveend", () => this.shown && moved());
  }

  /** The words of another language. */
  translate({ zoomIn, zoomOut }) {
    for (const [button, words] of zoomButtons(this.map).map((each, index) => [each, [zoomIn, zoomOut][index]])) {
      button.title = words;
      button.setAttribute("aria-label", words);
    }
  }

  /** Takes the provinces, which are the ground. */
  setProvinces(topology) {
    drawLand(this.map, topology, ({ code }, layer) => this.provinces.set(code, layer));
  }

  /** Takes the districts' lines. */
  setDistricts(topology) {
    drawLines(this.map, topology);
    this.places.remove();
    this.places.addTo(this.map);
  }

  /** Goes to where was asked: around a position, to a province, or to the country. */
  show(near, area, places) {
    this.shown = false; // what comes next is no move of the reader
    this.here?.remove();
    if (near) {
      const [lat, lon] = near.split(",").map(Number);
      this.here = L.circleMarker([lat, lon], { radius: 8, color: "#ffffff", weight: 3, fillColor: "#0d5c75", fillOpacity: 1 }).addTo(this.map);
      const around = L.latLngBounds([[lat, lon]]);
      for (const { position } of places.slice(0, 8)) if (position) around.extend([position.lat, position.lon]);
      this.map.fitBounds(around.pad(0.15), { maxZoom: NEAR_ZOOM, animate: false });
    } else {
      const layer = this.provinces.get(area.slice(0, 2));
      this.map.fitBounds(layer ? layer.getBounds() : COUNTRY, { animate: false });
    }
    this.shown = true;
  }

  /** Goes to one place. */
  goTo({ lat, lon }) {
    this.map.setView([lat, lon], Math.max(this.map.getZoom(), NEAR_ZOOM + 3), { animate: false });
  }

  /** What is in view: west, south, east, north. */
  bbox() {
    const view = this.map.getBounds();
    return [Math.max(view.getWest(), -180), Math.max(view.getSouth(), -90), Math.min(view.getEast(), 180), Math.min(view.getNorth(), 90)].map((degrees) => degrees.toFixed(4)).join(",");
  }

  /** Draws points and groups instead of those before. */
  draw(features, { kinds, group }, chosen) {
    this.places.clearLayers();
    for (const { geometry, properties } of features) {
      const [lon, lat] = geometry.coordinates;
      if (properties.places > 1) this.drawGroup([lat, lon], properties, kinds, group);
      else if (properties.facility_id) this.drawPlace([lat, lon], properties, kinds, properties.facility_id === chosen);
    }
  }

  drawPlace(at, { facility_id: id, kind, name, status }, kinds, chosen) {
    const colour = COLOURS[kind] ?? OTHER;
    const marker = L.circleMarker(at, { radius: chosen ? 11 : 7, color: chosen ? "#14303b" : "#ffffff", weight: chosen ? 3 : 1.5, fillColor: colour, fillOpacity: status === "open" ? 0.95 : 0.45, bubblingMouseEvents: false });
    marker.bindTooltip(() => {
      const text = document.createElement("span"); // what people typed is only ever text
      text.textContent = `${kinds(kind)} · ${name}`;
      return text;
    });
    marker.on("click", () => this.choose(id));
    marker.addTo(this.places);
  }

  drawGroup(at, { kind, places }, kinds, group) {
    const size = Math.round(24 + 7 * Math.log10(places));
    const icon = L.divIcon({ className: `group kind-${kind}`, html: String(places), iconSize: [size, size] });
    const marker = L.marker(at, { icon, keyboard: false, title: `${kinds(kind)} · ${group(places)}` });
    marker.on("click", () => this.map.setView(at, this.map.getZoom() + 2, { animate: false }));
    marker.addTo(this.places);
  }
}
