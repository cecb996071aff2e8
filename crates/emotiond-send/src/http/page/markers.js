// What both views share: the dialog for markers, the state of the connection, short messages.
import { duration } from "./words.js";

const by = (id) => document.getElementById(id);
let toastTimer;

/** Shows a short message for a while. */
export function toast(text) {
  by("toast").textContent = text;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (by("toast").textContent = ""), 4000);
}

/** The button, the key M and the dialog. */
export function offerMarkers(feed) {
  const dialog = by("marker");
  const open = () => {
    if (dialog.open) return;
    by("marker-label").value = "";
    dialog.showModal();
    by("marker-label").focus();
  };
  by("mark").addEventListener("click", open);
  by("marker-cancel").addEventListener("click", () => dialog.close());
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest("input, select, textarea, dialog");
    if (event.key.toLowerCase() !== "m" || event.ctrlKey || event.metaKey || event.altKey || writing) return;
    event.preventDefault();
    open();
  });
  dialog.querySelector("form").addEventListener("submit", async () => {
    const label = by("marker-label").value.trim();
    const kind = dialog.querySelector("[name=kind]:checked").value;
    try {
      await feed.ask("/api/v1/markers", { kind, label });
      toast(`Marker set: ${label || kind}`);
    } catch (error) {
      toast(`No marker was set: ${error.message}`);
    }
  });
}

/** Says whether what is shown is up to date. */
export function showLink(feed) {
  const silent = feed.status?.status_age_s > 5;
  const link = by("link");
  const [word, state] = feed.isOld ? ["old data", "down"] : silent ? ["daemon silent", "stalled"] : ["live", "up"];
  if (link.textContent !== word) link.textContent = word;
  link.className = `pill ${state}`;
  document.body.classList.toggle("old", feed.isOld || silent);
  const banner = by("banner");
  banner.hidden = !(feed.isOld || silent);
  const age = duration(Math.round((feed.silence / 1000) + (feed.status?.status_age_s ?? 0)));
  const text = feed.isOld
    ? `Old data, from ${age} ago: the connection to the device is lost. Trying again.`
    : `Old data, from ${age} ago: the daemon tells nothing.`;
  if (!banner.hidden && banner.textContent !== text) banner.textContent = text;
  const name = feed.status?.device ?? "";
  by("device").textContent = name;
}

/** Calls `draw` at most every `every_ms`, and not while nobody looks. */
export function paced(draw, every_ms) {
  let waiting = false;
  let last = -Infinity;
  return () => {
    if (waiting) return;
    waiting = true;
    const pause = Math.max(0, last + every_ms - performance.now());
    setTimeout(() => requestAnimationFrame(() => {
      waiting = false;
      last = performance.now();
      draw();
    }), pause);
  };
}
