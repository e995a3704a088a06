// The live stream: one connection that the browser opens again by itself, and goes on with behind the last event it saw.

// A browser gives an event source up for good when it is refused; then we come back ourselves.
const RETRY_MS = 5_000;

/** listener: {reset(event), change(event), connected(is)}. */
export class Stream {
  constructor(listener) {
    this.listener = listener;
    this.connected = false;
    this.heardAt = 0;
  }

  open() {
    const source = new EventSource("/v1/live");
    source.addEventListener("error", () => {
      this.setConnected(false);
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.open(), RETRY_MS);
    });
    for (const kind of ["reset", "change"]) {
      source.addEventListener(kind, (event) => {
        this.heardAt = Date.now();
        this.setConnected(true);
        this.listener[kind](JSON.parse(event.data));
      });
    }
  }

  setConnected(connected) {
    if (connected === this.connected) return;
    this.connected = connected;
    this.listener.connected(connected);
  }
}
