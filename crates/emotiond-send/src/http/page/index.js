// The overview.
import { Feed } from "./feed.js";
import { offerMarkers, paced, showLink, toast } from "./markers.js";
import { SourceCard, keep } from "./source.js";
import { clock, count, decimal, duration, memory, number } from "./words.js";

const by = (id) => document.getElementById(id);
const feed = new Feed();
const cards = new Map();
let before = null;

function showSources() {
  const { sources, uptime_s, pictures } = feed.status;
  for (const [name, card] of cards) {
    if (!sources.some((source) => source.name === name)) {
      card.element.remove();
      cards.delete(name);
    }
  }
  for (const source of sources) {
    if (!cards.has(source.name)) {
      const card = new SourceCard(source.name, feed, toast);
      cards.set(source.name, card);
      by("sources").append(card.element);
    }
    cards.get(source.name).show(source, uptime_s, pictures);
  }
  by("empty").hidden = cards.size > 0;
  if (cards.size === 0 && feed.status.status_age_s != null) {
    by("empty").querySelector("h2").textContent = "No source yet";
    by("empty").querySelector("p").textContent = "Start one: emotiond run --source camera:0. emotiond cameras lists the cameras.";
  }
}

function showHealth() {
  const { status } = feed;
  const verdict = by("verdict");
  verdict.textContent = status.healthy ? "All is well" : count(status.problems.length, "problem");
  verdict.className = `verdict ${status.healthy ? "up" : "down"}`;
  const findings = [...status.problems.map((text) => [text, "problem"]), ...status.warnings.map((text) => [text, "warning"])];
  keep(by("findings"), "li", findings, (item, [text, kind]) => {
    item.textContent = text;
    item.className = kind;
  });
  by("version").textContent = status.version || "–";
  by("uptime").textContent = duration(status.uptime_s);
  by("memory").textContent = memory(status.rss_bytes);
  if (before && status.uptime_s > before.uptime_s) {
    const cores = (status.cpu_s - before.cpu_s) / (status.uptime_s - before.uptime_s);
    by("cpu").textContent = `${decimal(Math.max(0, cores) * 100)} % of a core`;
  }
  before = status;
  keep(by("outputs"), "li", status.outputs, (item, output) => {
    if (item.children.length === 0) for (const name of ["name", "pill", "faint"]) item.append(Object.assign(document.createElement("span"), { className: name }));
    item.children[1].className = `pill ${output.connected ? "up" : "down"}`;
    item.children[1].textContent = output.connected ? "connected" : "away";
    item.children[0].textContent = output.name;
    const dropped = output.dropped ? `, ${number(output.dropped)} dropped` : "";
    item.children[2].textContent = `${number(output.sent)} sent, ${number(output.queued)} waiting${dropped}`;
  });
  by("no-outputs").hidden = status.outputs.length > 0;
}

function showMarkers() {
  keep(by("markers"), "li", feed.markers.slice(-8).reverse(), (item, marker) => {
    if (item.children.length === 0) item.append(document.createElement("time"), document.createElement("span"), document.createElement("span"));
    item.children[0].textContent = clock(Date.parse(marker.time));
    item.children[1].textContent = marker.label || marker.kind;
    item.children[2].textContent = marker.label ? marker.kind : "";
    item.children[2].className = "faint";
  });
  by("no-markers").hidden = feed.markers.length > 0;
}

const showFaces = paced(() => {
  for (const card of cards.values()) card.showFaces();
  showMarkers();
}, 100);

const showSecond = paced(() => {
  showLink(feed);
  if (!feed.status) return;
  showSources();
  showHealth();
  for (const card of cards.values()) card.showFaces();
}, 200);

feed.addEventListener("change", showFaces);
feed.addEventListener("second", showSecond);
feed.addEventListener("tick", () => showLink(feed));
addEventListener("resize", paced(() => cards.forEach((card) => card.drawStrip()), 100));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => cards.forEach((card) => card.drawStrip()));
offerMarkers(feed);
