// Numbers, durations and colours, in the words of `emotiond report` and the user's form of numbers.
import palette from "./palette.js";

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const SPACE = "\u202f";

export const count = (number, thing) => `${whole.format(number)} ${thing}${number === 1 ? "" : "s"}`;
export const number = (value) => whole.format(value);
export const decimal = (value) => tenths.format(value);
export const clock = (date) => time.format(date);
export const hourAndMinute = (date) => minutes.format(date);

/** A share of 0 to 1: "41 %", "<1 %". */
export function share(part) {
  const percent = part * 100;
  return percent > 0 && percent < 0.5 ? `<1${SPACE}%` : `${whole.format(percent)}${SPACE}%`;
}

/** Seconds: "3.4 s", "3 min 12 s", "2 h 5 min". */
export function duration(seconds) {
  const pair = (total, large, largeName, small, smallName) => {
    const rest = Math.floor((total % large) / small);
    const head = `${whole.format(Math.floor(total / large))} ${largeName}`;
    return rest > 0 ? `${head} ${rest} ${smallName}` : head;
  };
  const total = Math.round(seconds);
  if (Math.round(seconds * 10) < 100) return `${tenths.format(seconds)} s`;
  if (total < 60) return `${total} s`;
  if (total < 3600) return pair(total, 60, "min", 1, "s");
  if (total < 86400) return pair(total, 3600, "h", 60, "min");
  return pair(total, 86400, "d", 3600, "h");
}

/** Bytes in MiB. */
export const memory = (bytes) => `${whole.format(bytes / 2 ** 20)} MiB`;

/** Colour and ink of a label; `index` is its place among the labels. */
export function colors(label, index = 0) {
  return palette.known[label.toLowerCase()] ?? palette.others[index % palette.others.length];
}

/** The labels of some shares in the usual order: [label, share, colour, ink]. */
export function ordered(emotions) {
  const place = (label) => {
    const at = palette.order.indexOf(label);
    return at < 0 ? palette.order.length : at;
  };
  const labels = Object.keys(emotions ?? {}).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  return labels.map((label, index) => [label, emotions[label], ...colors(label, index)]);
}
