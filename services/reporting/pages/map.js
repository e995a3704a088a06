// The map: provinces, and the districts of the province that is open. Drawn on a canvas, which an office computer without a
// graphics card recolours at once.

/* global L, topojson */

const BORDER = { color: "#54727e", weight: 0.6, opacity: 1 };
const MARKED = { color: "#0b2f3d", weight: 2.5, opacity: 1 };
const FLASHED = { color: "#e0218a", weight: 3.5, opacity: 1 };
const AROUND = { fillColor: "#d5dee2", fillOpacity: 1, color: "#f4f7f8", weight: 0.8, opacity: 1 };
const FLASH_MS = 1_100;
// On a phone hardly a province has room for its name, and a lone one looks like the only one meant.
const SMALL_MAP = 560;
const LABEL_PIXELS = 12;
const WALL_LABEL_PIXELS = 18; // read across a room; styles.css has the same

/** Fills for areas without a value: hatched where nothing came yet, dotted where the whole is unknown. */
function pattern(draw) {
  const size = 8;
  const ratio = window.devicePixelRatio || 1;
  const tile = document.createElement("canvas");
  tile.width = tile.height = size * ratio;
  const context = tile.getContext("2d");
  context.scale(ratio, ratio);
  context.fillStyle = "#eef1f2";
  context.fillRect(0, 0, size, size);
  draw(context, size);
  const made = context.createPattern(tile, "repeat");
  made.setTransform(new DOMMatrix().scale(1 / ratio));
  return made;
}

function patterns() {
  const hatch = (colour) => (context, size) => {
    context.strokeStyle = colour;
    context.lineWidth = 1.3;
    for (const shift of [-size, 0, size]) {
      context.beginPath();
      context.moveTo(shift - 1, size + 1);
      context.lineTo(shift + size + 1, -1);
      context.stroke();
    }
  };
  const dots = (context, size) => {
    context.fillStyle = "#8b999f";
    for (const [x, y] of [[2, 2], [6, 6]]) {
      context.beginPath();
      context.arc(x, y, size / 7, 0, 2 * Math.PI);
      context.fill();
    }
  };
  return { none: pattern(hatch("#b3bec3")), unknown: pattern(dots), suppressed: pattern(hatch("#6d7c83")), untold: "#eef1f2", loading: "#eef1f2" };
}

/** Shows areas; `open(code)` is called when one is chosen, `point(code)` when the pointer comes to one or leaves (null); `covered()` tells how many pixels at the bottom are covered. */
export class AreaMap {
  constructor(element, { open, point, describe, covered, words }) {
    this.handlers = { open, point, describe };
    this.covered = covered;
    this.map = L.map(element, {
      renderer: L.canvas({ padding: 0.3, tolerance: 3 }),
      zoomControl: false,
      attributionControl: false,
      zoomSnap: 0,
      zoomDelta: 0.75,
      wheelPxPerZoomLevel: 120,
      minZoom: 4,
      maxZoom: 11,
      maxBoundsViscosity: 0.8,
      // One finger scrolls the page past the map; two move and zoom it.
      dragging: !L.Browser.mobile,
    });
    this.zoom = L.control.zoom({ position: "topright", zoomInTitle: words.zoomIn, zoomOutTitle: words.zoomOut }).addTo(this.map);
    this.fills = patterns();
    this.layers = new Map();
    this.provinces = null;
    this.districts = new Map();
    this.area = null;
    this.labelPixels = LABEL_PIXELS;
    this.marked = null;
    this.styles = new Map();
    this.flashing = new Map();
    this.labels = L.layerGroup().addTo(this.map);
    this.map.createPane("places").style.zIndex = 450; // above all areas, which come to the front when they change
    this.dots = L.layerGroup().addTo(this.map);
    this.dotRenderer = L.canvas({ pane: "places", padding: 0.3 });
    this.map.on("zoomend moveend", () => this.label());
    new ResizeObserver(([{ contentRect }]) => this.resized(contentRect)).observe(element);
  }

  /** Takes the provinces; the map can show the country from then on. */
  setProvinces(topology) {
    this.provinces = this.layerOf(topojson.feature(topology, topology.objects.provinces).features).addTo(this.map);
    const bounds = this.provinces.getBounds();
    this.map.setMaxBounds(bounds.pad(0.35));
  }

  /** Takes the districts of the country; each province's are drawn when it is open. */
  setDistricts(topology) {
    const byProvince = new Map();
    for (const feature of topojson.feature(topology, topology.objects.districts).features) {
      const province = feature.properties.code.slice(0, 2);
      byProvince.set(province, [...(byProvince.get(province) ?? []), feature]);
    }
    for (const [province, features] of byProvince) this.districts.set(province, this.layerOf(features));
  }

  layerOf(features) {
    return L.geoJSON(features, {
      style: { ...BORDER, fillColor: "#eef1f2", fillOpacity: 1 },
      onEachFeature: (feature, layer) => {
        const { code } = feature.properties;
        this.layers.set(code, layer);
        layer.on({
          click: () => this.handlers.open(code),
          mouseover: () => this.handlers.point(code),
          mouseout: () => this.handlers.point(null),
        });
        layer.bindTooltip(() => this.handlers.describe(code), { sticky: true, className: "tip", opacity: 1 });
      },
    });
  }

  /** Shows an area from the codes of what lies in it; the first time, and when it changes, moves there. */
  show(area) {
    const province = area.slice(0, 2);
    for (const [code, layer] of this.districts) {
      if (code === province) layer.addTo(this.map);
      else layer.remove();
    }
    const moves = this.area !== area;
    this.area = area;
    if (moves) this.fit();
  }

  fit() {
    const layer = this.area ? this.layers.get(this.area) ?? this.layers.get(this.area.slice(0, 2)) : this.provinces;
    if (!layer) return;
    const bounds = layer.getBounds();
    const edge = this.area ? 28 : 10;
    // What stands over the map's lower edge hides nothing of it.
    const room = { paddingTopLeft: [edge, edge], paddingBottomRight: [edge, edge + this.covered()], maxZoom: this.area.length === 4 ? 10 : 11 };
    // Without animation all of the move's events come before this returns; whoever calls writes the names once, afterwards.
    this.fitting = this.started !== true;
    this.map.fitBounds(this.area.length === 4 ? bounds.pad(0.3) : bounds, { ...room, animate: this.started === true });
    this.fitting = false;
    this.started = true;
  }

  resized({ width, height }) {
    const size = `${Math.round(width)}x${Math.round(height)}`;
    if (size === this.size) return;
    const first = this.size === undefined;
    this.size = size;
    if (first) return; // it is told of the size that it began with, too
    this.map.invalidateSize({ animate: false });
    if (this.area !== null) this.fit();
  }

  /** Colours areas: `colourOf(code)` gives a colour, the name of a pattern, or null for what is not in question. */
  paint(codes, colourOf) {
    for (const code of codes ?? this.layers.keys()) {
      const layer = this.layers.get(code);
      if (!layer) continue;
      const colour = colourOf(code);
      const style = colour === null ? AROUND : { ...BORDER, fillColor: this.fills[colour] ?? colour, fillOpacity: 1 };
      this.styles.set(code, style);
      this.dress(code);
    }
    if (!codes) this.label();
  }

  /** Marks one area, as the table's row under the pointer does; null unmarks. */
  mark(code) {
    const before = this.marked;
    this.marked = code;
    for (const each of [before, code]) if (each) this.dress(each);
  }

  /** Lets areas light up for a moment: their figures have just changed. */
  flash(codes) {
    for (const code of codes) {
      const layer = this.layers.get(code);
      if (!layer || !this.map.hasLayer(layer) || this.styles.get(code) === AROUND) continue;
      clearTimeout(this.flashing.get(code));
      this.flashing.set(
        code,
        setTimeout(() => {
          this.flashing.delete(code);
          this.dress(code);
        }, FLASH_MS),
      );
      this.dress(code);
    }
  }

  dress(code) {
    const layer = this.layers.get(code);
    if (!layer) return;
    const over = code === this.marked || (code === this.area && code.length === 4) ? MARKED : this.flashing.has(code) ? FLASHED : {};
    layer.setStyle({ ...this.styles.get(code), ...over });
    if (over !== undefined && Object.keys(over).length > 0 && this.map.hasLayer(layer)) layer.bringToFront();
  }

  /** Names the areas in question whose name fits into them at this zoom. */
  label() {
    if (this.fitting) return;
    this.labels.clearLayers();
    if (!this.provinces || this.area === null) return;
    if (this.area === "" && this.map.getSize().y < SMALL_MAP) return;
    const group = this.area ? this.districts.get(this.area.slice(0, 2)) : this.provinces;
    const measuring = (this.measuring ??= document.createElement("canvas").getContext("2d"));
    measuring.font = `600 ${this.labelPixels}px Sarabun, sans-serif`;
    const taken = [];
    const view = this.map.getBounds();
    group?.eachLayer((layer) => {
      const { code } = layer.feature.properties;
      const text = this.handlers.describe(code, true);
      const { centre, width, height } = this.middle(layer);
      const size = L.point(measuring.measureText(text).width + 6, this.labelPixels + 4);
      const fits = size.x < width * 0.92 && size.y < height * 0.8;
      if ((!fits && code !== this.area) || !view.contains(centre)) return;
      const at = this.map.latLngToLayerPoint(centre);
      const box = L.bounds(at.subtract(size.divideBy(2)), at.add(size.divideBy(2)));
      if (taken.some((other) => other.intersects(box))) return;
      taken.push(box);
      const { fillColor } = this.styles.get(code) ?? {};
      const className = isDark(fillColor) ? "name light" : "name";
      L.tooltip({ permanent: true, direction: "center", className, interactive: false, opacity: 1 })
        .setLatLng(centre)
        .setContent(document.createTextNode(text))
        .addTo(this.labels);
    });
  }

  /** Where a name sits: the middle of the widest horizontal cut through the area's largest part, and the room it has there. */
  middle(layer) {
    const parts = layer.feature.geometry.type === "Polygon" ? [layer.getLatLngs()] : layer.getLatLngs();
    const rings = parts.map((part) => part[0].map((point) => this.map.latLngToLayerPoint(point)));
    const ring = rings.reduce((best, each) => (extent(each) > extent(best) ? each : best));
    const box = L.bounds(ring);
    let best = { width: 0, x: 0, y: 0 };
    for (let step = 1; step < 12; step += 1) {
      const y = box.min.y + ((box.max.y - box.min.y) * step) / 12;
      const cuts = crossings(ring, y);
      // Cuts near the middle are preferred: a name should look as if it belonged to the whole.
      const favour = 1 - Math.abs(step - 6) / 16;
      for (let index = 0; index + 1 < cuts.length; index += 2) {
        const width = cuts[index + 1] - cuts[index];
        if (width * favour > best.width * (best.favour ?? 1)) best = { width, favour, x: (cuts[index] + cuts[index + 1]) / 2, y };
      }
    }
    return { centre: this.map.layerPointToLatLng(L.point(best.x, best.y)), width: best.width, height: box.max.y - box.min.y };
  }

  /** Shows places as dots: {position, colour, overdue, fresh, says()}; fresh ones have changed in the reader's sight. */
  showPlaces(places) {
    this.dots.clearLayers();
    for (const { position, colour, overdue, fresh, says } of places) {
      const ring = fresh ? { color: FLASHED.color, weight: 4 } : overdue ? { color: "#a3202a", weight: 2.5 } : { color: "#ffffff", weight: 1.2 };
      L.circleMarker([position.lat, position.lon], { renderer: this.dotRenderer, pane: "places", radius: fresh ? 9 : 6, fillColor: colour, fillOpacity: 1, opacity: 1, ...ring })
        .bindTooltip(says, { className: "tip", opacity: 1 })
        .addTo(this.dots);
    }
  }

  /** Writes names large, for a wall screen, or as usual. */
  enlarge(large) {
    this.labelPixels = large ? WALL_LABEL_PIXELS : LABEL_PIXELS;
    this.label();
  }

  /** The words of another language. */
  translate(words) {
    this.zoom.getContainer().querySelector(".leaflet-control-zoom-in").title = words.zoomIn;
    this.zoom.getContainer().querySelector(".leaflet-control-zoom-out").title = words.zoomOut;
    this.label();
  }
}

/** Whether light text reads better on a colour; patterns are light. */
function isDark(colour) {
  if (typeof colour !== "string") return false;
  const [red, green, blue] = [1, 3, 5].map((index) => parseInt(colour.slice(index, index + 2), 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue < 125;
}

function extent(ring) {
  const box = L.bounds(ring);
  return (box.max.x - box.min.x) * (box.max.y - box.min.y);
}

/** Where a horizontal line crosses a ring, from left to right. */
function crossings(ring, y) {
  const found = [];
  ring.forEach((from, index) => {
    const to = ring[(index + 1) % ring.length];
    if (from.y > y !== to.y > y) found.push(from.x + ((y - from.y) * (to.x - from.x)) / (to.y - from.y));
  });
  return found.sort((one, other) => one - other);
}
