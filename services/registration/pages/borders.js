// Whether a position lies in an area of the map.

const KM_PER_DEGREE = 110.6; // of latitude, in Thailand
const KM_PER_DEGREE_AT_EQUATOR = 111.32; // of longitude

/** How many km a position lies outside a Polygon or MultiPolygon (GeoJSON): 0 inside it. */
export function kmOutside(geometry, { lat, lon }) {
  const across = KM_PER_DEGREE_AT_EQUATOR * Math.cos((lat * Math.PI) / 180);
  const rings = geometry.type === "Polygon" ? geometry.coordinates : geometry.coordinates.flat();
  let inside = false;
  let nearest = Infinity;
  for (const ring of rings) {
    // In km from the position, which is the origin.
    const points = ring.map(([x, y]) => [(x - lon) * across, (y - lat) * KM_PER_DEGREE]);
    for (let index = 1; index < points.length; index += 1) {
      const [from, to] = [points[index - 1], points[index]];
      if (from[1] > 0 !== to[1] > 0 && from[0] - (from[1] * (to[0] - from[0])) / (to[1] - from[1]) > 0) inside = !inside;
      nearest = Math.min(nearest, distanceOf(from, to));
    }
  }
  return inside ? 0 : nearest;
}

/** How far the origin lies from a line between two points. */
function distanceOf([x, y], [toX, toY]) {
  const [alongX, alongY] = [toX - x, toY - y];
  const length = alongX ** 2 + alongY ** 2;
  const share = length === 0 ? 0 : Math.min(1, Math.max(0, -(x * alongX + y * alongY) / length));
  return Math.hypot(x + share * alongX, y + share * alongY);
}
