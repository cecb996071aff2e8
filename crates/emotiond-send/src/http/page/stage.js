// The stage manager's view: the audience, readable from three metres.
import { Feed } from "./feed.js";
import { offerMarkers, paced, showLink } from "./markers.js";
import { showShares } from "./source.js";
import { drawStrip, samplesOf, together } from "./strip.js";
import { clock, colors, number, share } from "./words.js";

const by = (id) => document.getElementById(id);
const feed = new Feed();
const wanted = () => decodeURIComponent(location.hash.slice(1));

function showChoice(names) {
  const choice = by("choice");
  const shown = [...choice.options].slice(1).map((option) => option.value);
  if (shown.join("\n") === names.join("\n")) return;
  choice.replaceChildren(new Option("all", ""), ...names.map((name) => new Option(name, name)));
  choice.value = names.includes(wanted()) ? wanted() : "";
}

function show() {
  showLink(feed);
  by("clock").textContent = clock(Date.now());
  if (!feed.status) return;
  showChoice(feed.status.sources.map((source) => source.name));
  const name = by("choice").value;
  const chosen = feed.status.sources.filter((source) => !name || source.name === name);
  const { faces, emotions } = together(chosen);
  const [dominant, part] = Object.entries(emotions).reduce((best, pair) => (pair[1] > best[1] ? pair : best), ["", 0]);
  by("faces").textContent = faces == null ? "–" : number(faces);
  by("faces-word").textContent = faces === 1 ? "face" : "faces";
  by("dominant").textContent = dominant || "–";
  by("dominant").style.setProperty("--mood", dominant ? colors(dominant)[0] : "transparent");
  by("dominant-share").textContent = dominant ? `${share(part)} of the last seconds` : "no face yet";
  const facing = chosen.filter((source) => source.facing != null);
  const weight = (source) => (facing.length === 1 ? 1 : (source.faces ?? 0));
  const total = facing.reduce((sum, source) => sum + weight(source), 0);
  by("facing").textContent = total ? share(facing.reduce((sum, source) => sum + source.facing * weight(source), 0) / total) : "–";
  showShares(by("shares"), by("legend"), emotions);
  drawStrip(by("strip"), samplesOf(feed.samples, name), feed.markers);
  const marker = feed.markers.at(-1);
  if (marker) by("last-marker").textContent = `${marker.label || marker.kind}, ${clock(Date.parse(marker.time))}`;
}

const showSoon = paced(show, 100);
for (const what of ["second", "tick"]) feed.addEventListener(what, showSoon);
addEventListener("resize", showSoon);
by("choice").addEventListener("change", () => {
  history.replaceState(null, "", `#${encodeURIComponent(by("choice").value)}`);
  showSoon();
});
offerMarkers(feed);
feed.addEventListener("change", showSoon);
