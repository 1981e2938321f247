/* Elements, and texts of numbers and times. What comes from AWS only ever becomes text. */
export const byId = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export function makeSvg(name, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/* seconds since 1970, in the time zone of the browser */
export const when = (seconds) => new Date(seconds * 1000).toLocaleString("en-GB", {
  year: "numeric", month: "short", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
});

export const clock = (milliseconds) => new Date(milliseconds).toISOString().slice(11, 23);

export function duration(seconds) {
  if (seconds < 60) return `${Math.max(0, seconds).toFixed(seconds < 10 ? 1 : 0)} s`;
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h} h ${m} min` : `${m} min ${s} s`;
}

export const now = () => Date.now() / 1000;
export const lasted = (began, ended) => duration((ended ?? now()) - began);

export function bytes(size) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const step = size < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(size) / 3));
  return `${(size / 1000 ** step).toLocaleString("en", {maximumFractionDigits: step ? 1 : 0})} ${units[step]}`;
}

const WORDS = {
  RUNNING: "running", RETRYING: "waits to retry", SUCCEEDED: "succeeded", CAUGHT: "caught", FAILED: "failed",
  ABORTED: "aborted", TIMED_OUT: "timed out",
};
export const inWords = (status) => WORDS[status] ?? status;
export const badge = (status) => make("span", {className: `status ${status.toLowerCase()}`}, inWords(status));

/* JSON with line breaks, or the text as it is */
export function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

export const block = (text, label) => make("pre", {tabIndex: 0, role: "group", "aria-label": label}, text);

const SERVICES = {lambda: "Lambda", batch: "AWS Batch", "aws-sdk:s3": "S3", events: "EventBridge", sns: "SNS"};
export const service = (name) => SERVICES[name] ?? name;
