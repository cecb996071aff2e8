// The card of a source.
import { drawStrip, samplesOf } from "./strip.js";
import { colors, count, decimal, duration, number, ordered, share } from "./words.js";

const STATES = { up: "up", opening: "opening", stalled: "stalled", down: "down", ended: "ended" };
/** Statuses over which rates are averaged. */
const RATE_OVER = 6;

export class SourceCard {
  #part;
  #tiles = new Map();
  #history = [];
  #seen = false;
  /** Width and height of the picture; of a recording, of the part in which faces were. */
  #size = null;
  #isGuessed = false;

  constructor(name, feed, toast) {
    this.name = name;
    this.feed = feed;
    this.element = document.getElementById("source").content.firstElementChild.cloneNode(true);
    this.#part = (part) => this.element.querySelector(`.${part}`);
    this.#part("name").textContent = name;
    this.element.setAttribute("aria-label", `Source ${name}`);
    this.#part("pause").addEventListener("click", () => this.#toggle(toast));
    this.#part("watch").addEventListener("click", () => this.#watch(this.#part("live").hidden));
    this.#part("live").alt = `Live picture of ${name}`;
  }

  /** Shows a status. */
  show(source, uptime_s, hasPictures) {
    this.source = source;
    this.#part("watch").hidden = !hasPictures;
    if (!hasPictures && !this.#part("live").hidden) this.#watch(false);
    const state = source.enabled ? (STATES[source.state] ?? source.state) : "paused";
    const pill = this.#part("state");
    pill.textContent = state;
    pill.className = `pill state ${state}`;
    const reason = this.#part("reason");
    reason.hidden = !(source.enabled && source.reason);
    reason.textContent = `Source ${state}: ${source.reason}`;
    this.#rates(source, uptime_s);
    this.#text("faces", source.faces == null ? "–" : number(source.faces));
    this.#part("faces").previousElementSibling.textContent = source.faces === 1 ? "face now" : "faces now";
    this.#text("facing", source.facing == null ? "–" : share(source.facing));
    this.#dominant(source.dominant);
    const pause = this.#part("pause");
    pause.textContent = source.enabled ? "Pause" : "Resume";
    pause.setAttribute("aria-label", `${pause.textContent} ${this.name}`);
    pause.hidden = source.state === "ended";
    showShares(this.#part("shares"), this.#part("legend"), source.emotions);
    // Of a source that has never been up there is nothing to show but why.
    this.element.classList.toggle("bare", !source.size && source.state !== "up");
    if (source.size) this.#resize(source.size, false);
    this.drawStrip();
    this.#hint(source);
  }

  drawStrip() {
    drawStrip(this.#part("strip"), samplesOf(this.feed.samples, this.name), this.feed.markers);
  }

  /** Moves the tiles to the faces. */
  showFaces() {
    const faces = [...this.feed.faces.values()].filter((face) => face.source === this.name);
    if (!this.#size || this.#isGuessed) this.#guessSize(faces);
    for (const [key, tile] of this.#tiles) {
      if (!faces.some((face) => face.key === key)) {
        tile.remove();
        this.#tiles.delete(key);
      }
    }
    for (const face of faces) this.#tile(face).show(face, this.#size);
    this.#seen ||= faces.length > 0;
    if (this.source) this.#hint(this.source);
  }

  /** Recordings do not tell the size of the pictures. */
  #guessSize(faces) {
    const [width, height] = this.#size ?? [640, 480];
    const far = (side, extent) => Math.max(...faces.map(({ box }) => box[side] + box[extent]));
    this.#resize([Math.max(width, far("x", "w")), Math.max(height, far("y", "h"))], true);
  }

  #resize(size, isGuessed) {
    this.#size = size;
    this.#isGuessed = isGuessed;
    this.#part("picture").style.aspectRatio = size.join(" / ");
  }

  #tile(face) {
    let tile = this.#tiles.get(face.key);
    if (!tile) {
      tile = new Tile();
      this.#tiles.set(face.key, tile);
      this.#part("picture").append(tile.element);
    }
    return tile;
  }

  #rates(source, uptime_s) {
    const latencies = source.latency.buckets.reduce((sum, part) => sum + part, 0);
    const now = { uptime_s, analysed: source.analysed, latencies, sum_s: source.latency.sum_s };
    // A daemon that was started anew counts from 0.
    if (this.#history.at(-1)?.uptime_s > uptime_s) this.#history = [];
    this.#history.push(now);
    if (this.#history.length > RATE_OVER) this.#history.shift();
    const then = this.#history[0];
    const seconds = now.uptime_s - then.uptime_s;
    const rate = seconds > 0 ? `${decimal((now.analysed - then.analysed) / seconds)} frames/s` : "";
    const unreadable = source.unreadable ? `, ${number(source.unreadable)} unreadable` : "";
    this.#text("rate", source.state === "up" && source.analysed ? rate + unreadable : "");
    const before = now.latencies > then.latencies ? then : { latencies: 0, sum_s: 0 };
    const mean_ms = ((now.sum_s - before.sum_s) / (now.latencies - before.latencies)) * 1000;
    this.#text("latency", Number.isFinite(mean_ms) ? `${decimal(mean_ms)} ms` : "–");
  }

  #dominant(label) {
    const dominant = this.#part("dominant");
    dominant.textContent = label ?? "–";
    dominant.style.setProperty("--mood", label ? colors(label)[0] : "transparent");
  }

  #hint(source) {
    const hint = this.#part("hint");
    let text = "";
    if (!source.enabled) text = "Paused: the camera is closed.";
    else if (source.state === "opening") text = "The source is being opened.";
    else if (source.state === "down" || source.state === "stalled") text = "No picture arrives. emotiond tries again by itself.";
    else if (source.state === "ended") text = "The source has ended.";
    else if (this.#tiles.size === 0 && source.faces) text = `${count(source.faces, "face")} in view; boxes come with their events.`;
    else if (this.#tiles.size === 0 && source.faces == null) text = "Faces are not shown one by one.";
    else if (this.#tiles.size === 0) text = this.#seen ? "No face in view." : "No face yet. Step in front of the camera, with light on your face.";
    if (hint.textContent !== text) hint.textContent = text;
    hint.hidden = !text;
  }

  /** Shows the annotated picture, or ends the stream. */
  #watch(isWanted) {
    const live = this.#part("live");
    live.hidden = !isWanted;
    if (isWanted) live.src = `/stream/${encodeURIComponent(this.name)}.mjpg`;
    else live.removeAttribute("src");
    this.#part("picture").classList.toggle("watched", isWanted);
    const button = this.#part("watch");
    button.textContent = isWanted ? "Hide picture" : "Show picture";
    button.setAttribute("aria-pressed", isWanted);
  }

  async #toggle(toast) {
    const action = this.source.enabled ? "pause" : "resume";
    try {
      await this.feed.ask(`/api/v1/sources/${encodeURIComponent(this.name)}/${action}`);
      toast(`${this.name}: ${action} asked for`);
    } catch (error) {
      toast(`${this.name}: ${error.message}`);
    }
  }

  #text(part, text) {
    const element = this.#part(part);
    if (element.textContent !== text) element.textContent = text;
  }
}

/** A face in the picture. */
class Tile {
  element = Object.assign(document.createElement("div"), { className: "tile" });
  #label = this.#add("label");
  #bar = this.#add("bar");
  #note = this.#add("note");
  #age = this.#add("age", this.#note);
  #look = this.#add("look", this.#note);

  constructor() {
    this.element.setAttribute("role", "listitem");
  }

  show(face, [width, height]) {
    const { x, y, w, h } = face.box;
    const [color, ink] = colors(face.emotion, Math.max(0, Object.keys(face.probabilities).indexOf(face.emotion)));
    const style = this.element.style;
    const place = { left: x / width, top: y / height, width: w / width, height: h / height };
    for (const [side, part] of Object.entries(place)) style[side] = `${(part * 100).toFixed(2)}%`;
    style.setProperty("--color", color);
    style.setProperty("--ink-on", ink);
    style.setProperty("--confidence", face.confidence);
    const readable = face.readable !== false;
    this.element.classList.toggle("guess", !readable);
    this.element.classList.toggle("low", y + h > height * 0.8);
    this.element.classList.toggle("high", y < height * 0.12);
    set(this.#label, readable ? face.emotion : `${face.emotion}?`);
    const facing = face.facing == null ? "" : face.facing ? "facing" : "turned away";
    set(this.#age, duration(Math.floor((performance.now() - face.since) / 1000)));
    set(this.#look, facing);
    const told = `Face ${face.track}: ${this.#label.textContent}, ${share(face.confidence)}, ${this.#age.textContent}, ${this.#look.textContent}`;
    if (this.element.ariaLabel !== told) this.element.ariaLabel = told;
  }

  remove() {
    this.element.remove();
  }

  #add(name, parent = this.element) {
    const part = Object.assign(document.createElement("span"), { className: name });
    parent.append(part);
    return part;
  }
}

/** Shows shares as one bar and as a list. */
export function showShares(bar, legend, emotions) {
  const parts = ordered(emotions).filter(([, part]) => part > 0.0005);
  keep(bar, "span", parts, (span, [label, part, color, ink]) => {
    span.style.width = `${part * 100}%`;
    span.style.background = color;
    span.style.color = ink;
    set(span, part >= 0.09 ? share(part) : "");
    span.title = `${label}, ${share(part)}`;
  });
  keep(legend, "li", parts, (item, [label, part, color]) => {
    if (item.children.length === 0) for (const name of ["chip", "of", "much"]) item.append(Object.assign(document.createElement("span"), { className: name }));
    item.children[0].style.background = color;
    set(item.children[1], label);
    set(item.children[2], share(part));
  });
  bar.classList.toggle("none", parts.length === 0);
}

/** Makes `parent` have one child for each thing, and updates them. */
export function keep(parent, tag, things, update) {
  while (parent.children.length > things.length) parent.lastElementChild.remove();
  while (parent.children.length < things.length) parent.append(document.createElement(tag));
  things.forEach((thing, index) => update(parent.children[index], thing));
}

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
