// Where a place lies: typed, taken from the device, or set on a map with a pin that is dragged, moved by the arrow keys, or
// put down by a tap. Text and pin are always the same position.

/* global L, topojson */

import { learnNames, placeName } from "./areas.js";
import { kmOutside } from "./borders.js";
import { action, field } from "./form.js";
import { COUNTRY, drawLand, drawLines, groundMap, zoomButtons } from "./ground.js";
import { h, notice, number, say, speak } from "./page.js";

const DEVICE = { enableHighAccuracy: true, timeout: 15_000 };
const ANSWER_MS = 20_000;
const DIGITS = 5; // a metre
const NEAR_ZOOM = 12; // closer there are no lines by which to know where one is
const STEP = 10; // pixels that an arrow key moves the pin; with Shift one
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const BORDER_KM = 0.16; // the borders are good to this
const DISTRICT = { color: "#0d5c75", weight: 2.5, fillColor: "#0d5c75", fillOpacity: 0.08, className: "own-district" };
const ACCURACY = { color: "#0d5c75", weight: 1, fillOpacity: 0.1, interactive: false };
const LAND = L.latLngBounds(COUNTRY).pad(0.2);

/** What is typed as "latitude, longitude", also in Thai digits: {lat, lon}, null where it is no such thing. */
export function positionOf(text) {
  const arabic = text.replace(/[๐-๙]/g, (digit) => String(digit.charCodeAt(0) - 0x0e50));
  const [lat, lon, ...rest] = arabic.split(/[\s,]+/).filter(Boolean).map(Number);
  return rest.length === 0 && Number.isFinite(lat) && Number.isFinite(lon) ? { lat, lon } : null;
}

/**
 * The field `position` with its map: {element, show(), setArea(code), remove()}. `show` draws the map, once the element is
 * on the page. `moved(km)` is told how far the position lies outside the district: 0 inside it, null where that is not
 * known.
 */
export function positionField({ position, moved }) {
  const written = position === null ? "" : `${position.lat}, ${position.lon}`;
  const box = field({ name: "position", label: "field_position", hint: "positionHint", required: false, value: written, autocomplete: "off" });
  const input = box.querySelector("input");
  const standing = h("p", { class: "standing", role: "status", hidden: true });
  const accuracy = h("p", { class: "hint", id: "position-accuracy", role: "status", hidden: true });
  const frame = h("div", { class: "position-map", role: "group", label: "positionMap", "aria-describedby": "position-map-hint" });
  const middle = action({ text: "pinInMiddle", run: () => put(map.getCenter()) });
  const element = h(
    "div",
    { class: "position" },
    box,
    h("div", { class: "buttons" }, action({ text: "usePosition", run: locate }), middle),
    accuracy,
    frame,
    h("p", { class: "hint", id: "position-map-hint", text: "positionMapHint" }),
    standing,
    h("p", { class: "hint credit" }, h("span", { text: "boundaries" }), ": Royal Thai Survey Department / OCHA, geoBoundaries (CC BY 3.0 IGO)"),
  );
  const provinces = new Map();
  const districts = new Map();
  let map = null; // before it is shown, and after the page has gone on
  let outline = null;
  let area = "";
  let pin = null;
  let border = null;
  let around = null;

  input.addEventListener("input", typed);

  function show() {
    map = groundMap(frame, { scrollWheelZoom: false }); // the wheel scrolls the form, until the map is worked with
    map.on("focus", ({ target }) => target.scrollWheelZoom.enable()).on("blur", ({ target }) => target.scrollWheelZoom.disable());
    map.on("click", ({ latlng }) => put(latlng));
    for (const [index, button] of zoomButtons(map).entries()) {
      button.removeAttribute("title");
      speak(button, { label: ["zoomIn", "zoomOut"][index] });
    }
    L.control.scale({ imperial: false }).addTo(map);
    outline = L.svg().addTo(map);
    typed();
    borders();
  }

  async function borders() {
    try {
      const [land, topology] = await Promise.all(["provinces", "districts"].map(topologyOf));
      if (map === null) return;
      drawLand(map, land, ({ code }, layer) => provinces.set(code, layer));
      drawLines(map, topology);
      for (const feature of topojson.feature(topology, topology.objects.districts).features) districts.set(feature.properties.code, feature);
    } catch {
      return; // a position can be told without them
    }
    await showDistrict();
  }

  // ---- the pin ----

  /** The pin is put or moved to where somebody pointed. */
  function put({ lat, lng }) {
    input.value = `${lat.toFixed(DIGITS)}, ${lng.toFixed(DIGITS)}`;
    forgetAccuracy();
    typed();
  }

  /** What stands in the field is shown: nothing, where that is no position or lies far away. */
  function typed() {
    if (map === null) return;
    const told = positionOf(input.value);
    const at = told && Math.abs(told.lat) <= 90 ? L.latLng(told.lat, told.lon) : null;
    const shown = at !== null && LAND.contains(at);
    middle.hidden = shown;
    if (!shown) {
      pin?.remove();
      pin = null;
    } else if (pin === null) {
      pin = newPin(at).addTo(map);
      listen();
      look();
    } else {
      pin.setLatLng(at);
      if (!map.getBounds().contains(at)) map.panTo(at, { animate: false });
    }
    judge();
  }

  function newPin(at) {
    const icon = L.divIcon({ className: "pin", html: h("span", {}), iconSize: [44, 50], iconAnchor: [22, 49] });
    const made = L.marker(at, { icon, draggable: true, autoPan: true, keyboard: true });
    made.on("drag", () => follow(made.getLatLng()));
    return made;
  }

  function listen() {
    const drawn = pin.getElement();
    drawn.setAttribute("aria-describedby", "position-map-hint");
    drawn.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation(); // the map itself would move under the pin
      const far = event.shiftKey ? 1 : STEP;
      const to = map.containerPointToLatLng(map.latLngToContainerPoint(pin.getLatLng()).add([step[0] * far, step[1] * far]));
      if (!LAND.contains(to)) return;
      pin.setLatLng(to);
      map.panInside(to, { padding: [50, 60], animate: false });
      follow(to);
    });
  }

  function follow({ lat, lng }) {
    input.value = `${lat.toFixed(DIGITS)}, ${lng.toFixed(DIGITS)}`;
    forgetAccuracy();
    judge();
  }

  /** Goes to the pin, or else to the district or the province. */
  function look() {
    const known = border ?? provinces.get(area.slice(0, 2));
    if (pin) map.setView(pin.getLatLng(), Math.max(map.getZoom(), NEAR_ZOOM), { animate: false });
    else if (known) map.fitBounds(known.getBounds(), { animate: false });
  }

  // ---- the district ----

  async function setArea(code) {
    area = code;
    if (map !== null) await showDistrict();
  }

  async function showDistrict() {
    border?.remove();
    border = null;
    const feature = districts.get(area.slice(0, 4));
    if (!feature && !pin) look();
    if (feature) {
      border = L.geoJSON(feature, { style: DISTRICT, interactive: false, renderer: outline }).addTo(map);
      const all = border.getBounds();
      const here = pin?.getLatLng();
      if (!here) look();
      else if (!all.pad(0.1).contains(here)) map.fitBounds(all.extend(here), { animate: false, padding: [30, 50] });
      await learnNames([area.slice(0, 4)]);
    }
    if (map !== null) judge();
  }

  /** Says where the pin is, and whether that is in the district, as far as the map knows. */
  function judge() {
    if (pin) speak(pin.getElement(), { label: () => say("pinAt", { position: input.value }) });
    const feature = districts.get(area.slice(0, 4));
    const told = positionOf(input.value);
    const km = feature && told && pin ? kmOutside(feature.geometry, told) : null;
    const outside = km !== null && km > BORDER_KM;
    standing.hidden = km === null;
    standing.toggleAttribute("data-outside", outside);
    if (km !== null) {
      const district = placeName(area.slice(0, 4), 4);
      const words = () => (outside ? say("positionOutside", { district: district(), km: number(Math.max(Math.round(km * 10) / 10, 0.1)) }) : say("positionInside", { district: district() }));
      if (standing.textContent !== words()) speak(standing, { text: words });
    }
    moved(km);
  }

  // ---- the device ----

  function locate() {
    return new Promise((resolve) => {
      const failed = () => {
        notice("noPosition");
        resolve();
      };
      if (!navigator.geolocation) return failed();
      navigator.geolocation.getCurrentPosition(({ coords }) => {
        if (map === null) return resolve();
        const at = L.latLng(coords.latitude, coords.longitude);
        put(at);
        around = L.circle(at, { ...ACCURACY, radius: coords.accuracy }).addTo(map);
        accuracy.hidden = false;
        speak(accuracy, { text: ["positionAccuracy", { metres: () => number(Math.ceil(coords.accuracy)) }] });
        resolve();
      }, failed, DEVICE);
    });
  }

  function forgetAccuracy() {
    around?.remove();
    accuracy.hidden = true;
  }

  function remove() {
    map?.remove();
    map = null;
  }

  return { element, setArea, show, remove };
}

async function topologyOf(name) {
  const answer = await fetch(`/areas/${name}.topojson`, { signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.json();
}
