// What the server tells, kept up to date. Everything is bounded: an hour open takes no more memory than a minute.

const SAMPLES = 600;
const FACES = 1024;
const MARKERS = 50;
/** Without a word for this long, data are old; for longer, the connection is made anew. */
const OLD_MS = 3500;
const DEAD_MS = 12000;
const PAUSES_MS = [1000, 2000, 4000, 8000, 15000];
const TYPES = ["source", "audience", "face", "marker", "status"];

export class Feed extends EventTarget {
  status = null;
  samples = [];
  faces = new Map();
  markers = [];
  heardAt = performance.now();
  isOpen = false;
  /** Events taken in since the page was opened, and events that the server could not deliver. */
  events = 0;
  lost = 0;
  #stream = null;
  #attempts = 0;
  #waiting = null;

  constructor() {
    super();
    setInterval(() => this.#watch(), 1000);
    this.#connect();
  }

  /** Milliseconds since the server's last word. */
  get silence() {
    return performance.now() - this.heardAt;
  }

  get isOld() {
    return !this.isOpen || this.silence > OLD_MS;
  }

  /** Tells the server to do something; throws with its reason when it does not. */
  async ask(path, body) {
    const headers = body ? { "content-type": "application/json" } : {};
    const answer = await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error((await answer.json()).error);
  }

  #connect() {
    clearTimeout(this.#waiting);
    this.#stream?.close();
    const stream = new EventSource(`/api/v1/events?types=${TYPES}`);
    this.#stream = stream;
    // Events that arrive while the last minutes are read: they belong after those.
    let early = [];
    const take = (event) => {
      if (stream !== this.#stream) return;
      this.heardAt = performance.now();
      this.events += 1;
      if (early && event.type !== "status") early.push(event);
      else this.#take(event);
    };
    for (const type of [...TYPES, "lost"]) stream.addEventListener(type, take);
    stream.onopen = async () => {
      try {
        await this.#catchUp();
        this.isOpen = true;
        this.#attempts = 0;
        for (const event of early ?? []) this.#take(event);
        early = null;
        this.#tell("change");
      } catch {
        this.#again(stream);
      }
    };
    stream.onerror = () => this.#again(stream);
  }

  /** Connects again after a pause. */
  #again(stream) {
    if (stream !== this.#stream) return;
    stream.close();
    this.#stream = null;
    this.isOpen = false;
    const pause = PAUSES_MS[Math.min(this.#attempts, PAUSES_MS.length - 1)];
    this.#attempts += 1;
    this.#waiting = setTimeout(() => this.#connect(), pause);
    this.#tell("change");
  }

  async #catchUp() {
    const answer = await fetch("/api/v1/recent");
    if (answer.status === 401) location.assign("/login");
    if (!answer.ok) throw new Error(answer.statusText);
    const recent = await answer.json();
    this.heardAt = performance.now();
    this.samples = recent.samples.slice(-SAMPLES);
    this.markers = recent.markers;
    this.faces.clear();
    for (const { age_s, event } of recent.faces) this.#face(event, age_s);
  }

  #take(event) {
    const told = JSON.parse(event.data);
    switch (event.type) {
      case "status":
        this.status = told;
        this.#sample(told);
        break;
      case "face":
        this.#face(told, 0);
        break;
      case "source":
        if (told.state !== "up") this.#forget(told.source);
        break;
      case "marker":
        this.markers = [...this.markers, told].slice(-MARKERS);
        break;
      case "lost":
        // The ends of faces may be among what was lost.
        this.lost += told.lost;
        this.#catchUp().catch(() => {});
        break;
    }
    this.#tell(event.type === "status" ? "second" : "change");
  }

  #face(told, age_s) {
    const key = `${told.source}\n${told.track}`;
    if (told.phase === "end") {
      this.faces.delete(key);
    } else if (this.faces.has(key) || this.faces.size < FACES) {
      const since = this.faces.get(key)?.since ?? performance.now() - age_s * 1000;
      this.faces.set(key, { ...told, key, since });
    }
  }

  #forget(source) {
    for (const [key, face] of this.faces) if (face.source === source) this.faces.delete(key);
  }

  #sample(status) {
    const sources = status.sources.map(({ name, state, faces, emotions }) => ({ name, up: state === "up", faces, emotions }));
    this.samples.push({ time_ms: Date.now(), sources });
    if (this.samples.length > SAMPLES) this.samples.shift();
  }

  #watch() {
    if (this.isOpen && this.silence > DEAD_MS) this.#again(this.#stream);
    this.#tell("tick");
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}
