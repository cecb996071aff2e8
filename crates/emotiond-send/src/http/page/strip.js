// The last minutes: the height of the band is the number of faces in view, its colours are their emotions.
import { hourAndMinute, number, ordered } from "./words.js";

const SPAN_MS = 600000;
const STEP_MS = 120000;

/**
 * Draws the samples `[{time_ms, up, faces, emotions}]` of a source, and the markers `[{time, label}]`.
 */
export function drawStrip(canvas, samples, markers) {
  const ratio = devicePixelRatio;
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(name);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  const text = Number.parseFloat(style.fontSize);
  pen.font = `${text}px ${style.fontFamily}`;
  const margin = Math.round(text * 2.8);
  const axis = Math.round(text * 1.6);

  const now = samples.at(-1)?.time_ms ?? Date.now();
  const x = (time) => margin + (width - margin) * (1 - (now - time) / SPAN_MS);
  const bottom = height - axis;
  const most = samples.reduce((most, sample) => Math.max(most, sample.faces ?? 0), 0);
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((step) => step * 4 >= most) ?? 1000;
  const top = Math.max(1, Math.ceil(most / step)) * step;
  const y = (faces) => bottom - (bottom - 8) * (faces / top);

  pen.fillStyle = color("--plot");
  pen.fillRect(margin, 0, width - margin, bottom);
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (let level = 0; level <= top; level += step) {
    pen.fillStyle = color("--line");
    pen.fillRect(margin, Math.round(y(level)), width - margin, 1);
    pen.fillStyle = color("--faint");
    pen.fillText(number(level), margin - 8, Math.max(text / 2, level === 0 ? y(level) - text / 3 : y(level)));
  }

  // Columns touch each other; one that no sample follows soon is a second wide.
  samples.forEach((sample, index) => {
    const since = Math.min(sample.time_ms - (samples[index - 1]?.time_ms ?? 0), 3000);
    // On whole pixels, so that there are no seams.
    const [left, right] = [x(sample.time_ms - since), x(sample.time_ms)].map((place) => Math.round(place * ratio) / ratio);
    if (right <= margin) return;
    const [from, wide] = [Math.max(left, margin), right - Math.max(left, margin)];
    if (!sample.up) {
      pen.fillStyle = color("--away");
      pen.fillRect(from, 0, wide, bottom);
    } else if (sample.faces) {
      let base = 0;
      const total = Object.values(sample.emotions ?? {}).reduce((sum, part) => sum + part, 0);
      const parts = total > 0 ? ordered(sample.emotions) : [["", 1, color("--faint")]];
      for (const [, part, fill] of parts) {
        const next = base + (sample.faces * part) / (total || 1);
        pen.fillStyle = fill;
        pen.fillRect(from, y(next), wide, y(base) - y(next));
        base = next;
      }
    }
  });

  pen.textBaseline = "alphabetic";
  pen.fillStyle = color("--faint");
  for (let at = Math.ceil((now - SPAN_MS) / STEP_MS) * STEP_MS; at <= now; at += STEP_MS) {
    const place = x(at);
    if (place < margin) continue;
    pen.fillRect(Math.round(place), bottom, 1, 4);
    const half = pen.measureText(hourAndMinute(at)).width / 2;
    pen.textAlign = "center";
    pen.fillText(hourAndMinute(at), Math.min(Math.max(place, margin + half), width - half), height - 2);
  }
  for (const marker of markers) {
    const place = x(Date.parse(marker.time));
    if (!(place > margin)) continue;
    pen.fillStyle = color("--ink");
    pen.fillRect(Math.round(place), 0, 1.5, bottom);
    const label = marker.label || marker.kind;
    const room = pen.measureText(label).width + 10;
    const left = Math.min(place, width - room);
    pen.fillRect(left, 0, room, text * 1.5);
    pen.fillStyle = color("--card");
    pen.textAlign = "left";
    pen.fillText(label, left + 5, text * 1.1);
  }
  canvas.setAttribute(
    "aria-label",
    `Faces in view over the last 10 minutes: now ${number(samples.at(-1)?.faces ?? 0)}, at most ${number(most)}`,
  );
}

/** The samples of the source `name`; of all sources together if there is no name. */
export function samplesOf(samples, name) {
  return samples.map(({ time_ms, sources }) => ({ time_ms, ...together(sources.filter((source) => !name || source.name === name)) }));
}

/** The figures of several sources together: each face counts as one. */
export function together(sources) {
  const known = sources.filter((source) => source.faces != null);
  const faces = known.reduce((sum, source) => sum + source.faces, 0);
  const emotions = {};
  for (const source of known) {
    // Without a face now, what was seen in the window still counts a little.
    const weight = known.length === 1 ? 1 : source.faces;
    for (const [label, share] of Object.entries(source.emotions ?? {})) {
      emotions[label] = (emotions[label] ?? 0) + share * weight;
    }
  }
  const total = Object.values(emotions).reduce((sum, part) => sum + part, 0);
  if (total > 0) for (const label of Object.keys(emotions)) emotions[label] /= total;
  return { up: sources.some((source) => source.up ?? source.state === "up"), faces: known.length ? faces : null, emotions };
}
