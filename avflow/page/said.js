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
