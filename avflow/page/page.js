
"use strict";
(async () => {
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
  if (!data.cues.length) return;
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
  if (data.language) facts.push(`subtitles: ${language(data.language)}`);
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

/* ---------------------------------------------------------------- what is seen when */
async function unpack(text) {
  const packed = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

class Row {
  constructor(row, levels) {
    this.name = row.name;
    this.levels = levels;
    this.canvas = make("canvas", {"aria-hidden": "true"});
    this.head = make("i");
    this.track = make("div", {className: "track", tabIndex: 0, role: "slider", "aria-label": `${row.name}: where it is seen`,
      "aria-valuemin": "0", "aria-valuemax": String(Math.round(duration()))}, this.canvas, this.head);
    this.element = make("div", {className: "row"}, make("span", {dir: "auto", title: row.name}, row.name), this.track);
    this.track.addEventListener("click", (event) => {
      const box = this.track.getBoundingClientRect();
      jump(this.nearest((event.clientX - box.left) / box.width) * duration());
    });
    this.track.addEventListener("keydown", (event) => this.pressed(event));
  }

  /* the place in the video, 0 to 1, that somebody means who points here: an appearance within 4 pixels, or else here */
  nearest(place) {
    const length = this.levels.length;
    const wanted = Math.min(length - 1, Math.floor(place * length));
    const reach = Math.ceil(4 * length / (this.track.clientWidth || 1));
    for (let away = 0; away <= reach; away++) {
      for (const bin of [wanted - away, wanted + away]) if (this.levels[bin]) return this.begin(bin) / length;
    }
    return place;
  }

  /* the first bin of the appearance that has this bin, or this bin if it lasts longer than a pixel */
  begin(bin) {
    const least = bin - Math.ceil(this.levels.length / (this.track.clientWidth || 1));
    let first = bin;
    while (first > 0 && first > least && this.levels[first - 1]) first--;
    return first;
  }

  /* the time of the next (1) or previous (-1) beginning of an appearance, or null */
  appearance(direction) {
    const length = this.levels.length;
    const begins = (bin) => this.levels[bin] && !(bin && this.levels[bin - 1]);
    const now = Math.round(video.currentTime / duration() * length);
    for (let bin = now + direction; bin >= 0 && bin < length; bin += direction) {
      if (begins(bin)) return bin / length * duration();
    }
    return null;
  }

  pressed(event) {
    const direction = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
    if (direction) {
      const time = this.appearance(direction);
      if (time !== null) jump(time);
    } else if (event.key === "Home") jump(0);
    else if (event.key === "End") jump(duration());
    else if (event.key === " " || event.key === "Enter") video.paused ? video.play() : video.pause();
    else return;
    event.preventDefault();
  }

  seen(time) {
    const length = this.levels.length;
    return this.levels[Math.min(length - 1, Math.floor(time / duration() * length))] > 0;
  }

  draw() {
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.track.clientWidth * scale), Math.round(this.track.clientHeight * scale)];
    if (!width) return;
    this.canvas.width = width;
    this.canvas.height = height;
    const context = this.canvas.getContext("2d");
    context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--bar");
    const length = this.levels.length;
    for (let x = 0; x < width; x++) {
      const first = Math.floor(x * length / width);
      const last = Math.max(first + 1, Math.floor((x + 1) * length / width));
      let most = 0;
      for (let bin = first; bin < last; bin++) most = Math.max(most, this.levels[bin]);
      if (most) {
        const tall = Math.max(0.25, most / 255) * height;
        context.fillRect(x, height - tall, 1, tall);
      }
    }
  }

  update(time) {
    this.head.style.left = `${Math.min(100, 100 * time / (duration() || 1))}%`;
    this.track.setAttribute("aria-valuenow", String(Math.min(Math.round(time), Math.round(duration()))));
    this.track.setAttribute("aria-valuetext", `${clock(time)}, ${this.seen(time) ? "" : "not "}seen`);
  }
}

async function startObjects() {
  if (!data.shown) return;
  const levels = await unpack(data.levels);
  const rows = data.classes.slice(0, data.shown).map((row, number) =>
    new Row(row, levels.subarray(number * data.bins, (number + 1) * data.bins)));
  byId("rows").append(...rows.map((row) => row.element));
  byId("objects").hidden = false;
  const more = data.classes.length - data.shown;
  if (more) {
    byId("more-classes").textContent = `${count(more)} rarer classes are in the counts below.`;
    byId("more-classes").hidden = false;
  }
  const draw = () => rows.forEach((row) => row.draw());
  const update = () => rows.forEach((row) => row.update(video.currentTime));
  new ResizeObserver(draw).observe(byId("rows"));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  for (const event of ["timeupdate", "seeking", "loadedmetadata"]) video.addEventListener(event, update);
  draw();
  update();
}

/* ---------------------------------------------------------------- what is said */
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

class Transcript {
  constructor() {
    this.list = byId("cues");
    this.buttons = [];
    this.texts = [];
    this.active = -1;
    this.words = [];
    this.matches = [];
    this.match = -1;
    this.query = "";
    /* as one line: words know whether a space lies between them */
    this.lines = data.cues.map(([, , text, words]) => words.length
      ? words.map(([, , word, joined], number) => (number && !joined ? " " : "") + word).join("")
      : text.replace(/\s+/g, " "));
    const lines = document.createDocumentFragment();
    for (const [index, [start]] of data.cues.entries()) {
      const words = make("span", {dir: "auto"}, this.lines[index]);
      const button = make("button", {type: "button", className: "cue"}, make("time", {}, clock(start)), words);
      this.buttons.push(button);
      this.texts.push(words);
      lines.append(make("li", {}, button));
    }
    this.list.append(lines);
    this.list.addEventListener("click", (event) => {
      const button = event.target.closest(".cue");
      if (button) jump(data.cues[this.buttons.indexOf(button)][0]);
    });
    byId("query").addEventListener("input", () => this.search(byId("query").value));
    byId("query").addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.go(event.shiftKey ? -1 : 1);
    });
    byId("next").addEventListener("click", () => this.go(1));
    byId("previous").addEventListener("click", () => this.go(-1));
    for (const event of ["timeupdate", "seeking", "play"]) video.addEventListener(event, () => this.update());
    const light = () => { if (!video.paused) { this.light(); requestAnimationFrame(light); } };
    video.addEventListener("play", light);
  }

  /* one cue's text: with a span for each word while it is spoken, and with what is searched for marked */
  show(index) {
    const words = data.cues[index][3];
    const place = this.texts[index];
    this.words = index === this.active ? [] : this.words;
    if (index === this.active && words.length) {
      place.replaceChildren(...words.flatMap(([start, end, word, joined], number) => {
        const span = make("span", {}, ...this.marked(word));
        this.words.push([start, end, span]);
        return number && !joined ? [" ", span] : [span];
      }));
      this.light();
    } else place.replaceChildren(...this.marked(this.lines[index]));
  }

  marked(text) {
    if (!this.query) return [text];
    /* letters of the text one by one, so that a place in the folded text has one in the text itself */
    const folded = [...text].map(plain);
    const ends = [];
    let length = 0;
    for (const part of folded) ends.push(length += part.length);
    const joined = folded.join("");
    const letters = [...text];
    const pieces = [];
    let from = 0;
    for (let at = joined.indexOf(this.query); at >= 0; at = joined.indexOf(this.query, at + this.query.length)) {
      const first = ends.findIndex((end) => end > at);
      const last = ends.findIndex((end) => end >= at + this.query.length);
      pieces.push(letters.slice(from, first).join(""), make("mark", {}, letters.slice(first, last + 1).join("")));
      from = last + 1;
    }
    return [...pieces, letters.slice(from).join("")];
  }

  search(text) {
    const before = this.matches;
    this.query = plain(text.trim().replace(/\s+/g, " "));
    this.matches = this.query ? this.lines.flatMap((line, index) =>
      [...line].map(plain).join("").includes(this.query) ? [index] : []) : [];
    this.match = -1;
    for (const index of new Set([...before, ...this.matches])) this.show(index);
    byId("matches").textContent = this.query ? `${count(this.matches.length)} found` : "";
    if (this.matches.length) this.reveal(this.matches[0]);
  }

  go(direction) {
    if (!this.matches.length) return;
    this.match = (this.match + direction + this.matches.length + (this.match < 0 && direction < 0 ? 1 : 0)) % this.matches.length;
    const index = this.matches[this.match];
    byId("matches").textContent = `${count(this.match + 1)} of ${count(this.matches.length)}`;
    jump(data.cues[index][0]);
    this.reveal(index);
  }

  /* scrolls the list, never the page */
  reveal(index) {
    const button = this.buttons[index];
    const [list, line] = [this.list.getBoundingClientRect(), button.getBoundingClientRect()];
    if (line.top < list.top || line.bottom > list.bottom) {
      this.list.scrollTop += line.top - list.top - list.height / 3;
    }
  }

  update() {
    const time = video.currentTime;
    let index = lastAtMost(data.cues.length, (number) => data.cues[number][0], time + 0.001);
    if (index >= 0 && data.cues[index][1] <= time) index = -1;
    if (index !== this.active) {
      const before = this.active;
      this.active = index;
      if (before >= 0) {
        this.buttons[before].removeAttribute("aria-current");
        this.show(before);
      }
      this.words = [];
      if (index >= 0) {
        this.buttons[index].setAttribute("aria-current", "true");
        this.show(index);
        if (byId("follow").checked) this.reveal(index);
      }
    }
    this.light();
  }

  light() {
    const time = video.currentTime;
    const current = lastAtMost(this.words.length, (number) => this.words[number][0], time + 0.001);
    this.words.forEach(([, end, span], number) =>
      span.classList.toggle("said", number === current && time < Math.max(end, this.words[number + 1]?.[0] ?? 0)));
  }
}

function startSpeech() {
  if (!data.cues.length) return;
  byId("speech").hidden = false;
  document.querySelector("main").classList.add("both");
  new Transcript().update();
}

startHeader();
startDetails();
startSpeech();
startPlayer();
await startObjects();
document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
