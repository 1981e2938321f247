const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const video = byId("video");

/* ---------------------------------------------------------------- small helpers */
function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

const count = (number) => number.toLocaleString("en", {maximumFractionDigits: 9});

function bytes(size) {
  if (size === null) return "";
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  const step = size < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(size) / 3));
  return ` (${(size / 1000 ** step).toLocaleString("en", {maximumFractionDigits: step ? 1 : 0})} ${units[step]})`;
}

function language(code) {
  try { return new Intl.DisplayNames(["en"], {type: "language"}).of(code); } catch { return code; }
}

/* the last index whose value is at most `wanted`, or -1 */
function lastAtMost(length, value, wanted) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(middle) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/* ---------------------------------------------------------------- player */
function duration() {
  return data.duration || video.duration || 0;
}

function jump(seconds) {
  video.currentTime = Math.max(0, seconds);
}

/* A presigned address is good for one object. So whoever shares the page may add that of the video: page.html#video=… */
function source() {
  const given = new URLSearchParams(location.hash.slice(1)).get("video");
  if (given) {
    try {
      const address = new URL(given, location.href);
      if (address.protocol === location.protocol && address.host === location.host) return address.href;
    } catch { /* not an address */ }
  }
  return data.video && encodeURIComponent(data.video);
}

function choose(why) {
  byId("choose-why").textContent = why;
  byId("choose").hidden = false;
}

function startPlayer() {
  const address = source();
  if (address) {
    video.addEventListener("error", () => choose(`${data.video} can't be played from here. It belongs beside this page.`));
    video.src = address;
  } else {
    choose("This result has no video. You can play the file that you uploaded with its transcript.");
  }
  byId("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (!file) return;
    video.src = URL.createObjectURL(file);
    byId("choose").hidden = true;
  });
  if (!data.cues.length || data.burnt) return;
  /* from file:// a browser loads no <track>, and none shows the one within an MP4 */
  const track = video.addTextTrack("subtitles", data.language ? language(data.language) : "Subtitles", data.language || "");
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  for (const [start, end, text] of data.cues) track.addCue(new VTTCue(start, end, escaped(text)));
  track.mode = "showing";
}

/* ---------------------------------------------------------------- header, tables, files */
function startHeader() {
  const facts = [clock(duration())];
  if (data.size) facts.push(`${data.size[0]} × ${data.size[1]}`);
  if (data.frameRate) facts.push(`${data.frameRate.toLocaleString("en", {maximumFractionDigits: 2})} frames/s`);
  if (data.cues.length && data.language) facts.push(`subtitles: ${language(data.language)}`);
  if (data.bins && !data.classes.length) facts.push("no objects found");
  if (data.listened && !data.cues.length) facts.push("no speech found");
  byId("facts").textContent = facts.join(" · ");
  const warnings = byId("warnings");
  warnings.append(...data.warnings.map((text) => make("li", {dir: "auto"}, text)));
  warnings.hidden = !data.warnings.length;
}

function table(id, heads, rows) {
  const cell = (name, value) => make(name, typeof value === "number" ? {className: "number"} : {dir: "auto"},
    typeof value === "number" ? count(value) : value);
  const numbers = heads.map((_, column) => rows.length > 0 && typeof rows[0][column] === "number");
  byId(id).append(
    make("thead", {}, make("tr", {}, ...heads.map((text, column) =>
      make("th", {scope: "col", className: numbers[column] ? "number" : ""}, text)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((value) => cell("td", value))))));
}

function startDetails() {
  if (data.classes.length) {
    const unique = data.classes.some((row) => row.unique !== null);
    byId("counts").hidden = false;
    table("counts-table", ["Class", ...(unique ? ["Objects"] : []), "Boxes", "Frames"],
      data.classes.map((row) => [row.name, ...(unique ? [row.unique ?? 0] : []), row.objects, row.frames]));
  }
  if (data.steps.length) {
    byId("steps").hidden = false;
    table("steps-table", ["Step", "Where", "Seconds", "US$"], data.steps.map((step) =>
      [step.part === null ? step.name : `${step.name} ${step.part + 1}`, step.where, Math.round(step.seconds * 10) / 10,
        step.cost === null ? "" : Number(step.cost.toPrecision(2))]));
    if (data.cost !== null) byId("cost").textContent = `US$ ${data.cost.toFixed(4)} at list prices, for ${data.costOf}.`;
  }
  if (data.files.length) {
    byId("downloads").hidden = false;
    byId("files").append(...data.files.map((file) => make("li", {},
      make("a", {href: encodeURIComponent(file.name), download: file.name, dir: "auto"}, file.name),
      ` ${file.what}${bytes(file.size)}`)));
  }
}
