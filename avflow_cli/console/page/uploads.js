/* Videos that are dropped anywhere on the page, or chosen, go below start/ in the bucket. */
import {put} from "./ask.js";
import {bytes, make} from "./make.js";

export function dropZone(account, signal) {
  const list = make("ul", {id: "uploads", "aria-label": "Uploads"});
  const input = make("input", {id: "files", type: "file", multiple: true, accept: "video/*,audio/*,.mkv,.avi,.mts"});
  const zone = make("div", {id: "drop"},
    make("label", {htmlFor: "files"}, "Drop videos anywhere on this page, or choose them: "), input,
    make("p", {className: "hint"}, `They go to s3://${account.bucket}/start/. Each starts an execution.`), list);

  /* one after the other: they share the line to AWS */
  let before = Promise.resolve();
  function send(files) {
    for (const file of files) {
      const bar = make("progress", {max: 1, value: 0, "aria-label": file.name});
      const said = make("span", {}, bytes(file.size));
      list.append(make("li", {}, make("span", {dir: "auto"}, file.name), " ", bar, " ", said));
      before = before.then(() => put(file.name, file, (share) => { bar.value = share; }))
        .then((key) => { bar.value = 1; said.textContent = `stored as ${key}`; })
        .catch((error) => { bar.hidden = true; said.textContent = `not stored: ${error.message}`; });
    }
  }

  input.addEventListener("change", () => { send([...input.files]); input.value = ""; });
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    zone.classList.toggle("over", event.type === "dragover");
    if (event.type === "drop") send(event.dataTransfer.files);
  };
  for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, over, {signal});
  return zone;
}
