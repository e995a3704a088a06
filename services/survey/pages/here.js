// Where this device is, if its holder lets the page know.

const WAIT_MS = 15_000; // a phone among houses finds itself within that, or hardly at all

/** {latitude, longitude, accuracy in metres}; `exact` turns the satellites on. Raises where it is refused or not found. */
export async function whereThisIs({ exact = true } = {}) {
  const { coords } = await new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject, { enableHighAccuracy: exact, timeout: WAIT_MS, maximumAge: 60_000 }));
  return coords;
}
