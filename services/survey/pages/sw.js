// Keeps the app's own files on the phone, so that it opens without a net. The service writes FILES and VERSION above this
// line (services/survey/pages.py): the path of each with its ETag, and a name for all of them as they are. Another version
// is another cache, filled as a whole before the former one goes.
// What people write is none of its business: that is in phone/database.js.

/* global FILES, VERSION */

const CACHE = `jitasa-phone-${VERSION}`;

self.addEventListener("install", (event) => {
  event.waitUntil(fill().then(() => self.skipWaiting()));
});

/** Keeps this version's files, or fails: while one release takes the place of another, either may answer. */
async function fill() {
  const answers = await Promise.all(
    Object.entries(FILES).map(async ([url, etag]) => {
      const answer = await fetch(url, { cache: "reload" });
      const found = answer.headers.get("ETag"); // weak already, and so as it was behind a proxy that packs; one may leave it out
      if (!answer.ok || (found !== null && found !== etag)) throw new Error(`${url} is of another release`);
      return [url, answer];
    }),
  );
  const cache = await caches.open(CACHE);
  await Promise.all(answers.map(([url, answer]) => cache.put(url, answer)));
}

self.addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith("jitasa-phone-") && name !== CACHE).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !(pathname in FILES)) return;
  event.respondWith(caches.open(CACHE).then(async (cache) => (await cache.match(pathname)) ?? fetch(event.request)));
});
