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
