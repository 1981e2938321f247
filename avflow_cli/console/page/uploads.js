/* Videos that are dropped anywhere on the page, or chosen, go below start/ in the bucket. */
import {put} from "./ask.js";
import {byId, bytes, make} from "./make.js";

/* one after the other: they share the line to AWS */
let before = Promise.resolve();
let unsent = 0;

function row(name, ...others) {
  byId("sent").hidden = false;
  byId("uploads").append(make("li", {}, make("bdi", {}, name), " ", ...others));
}

function send(files) {
  for (const file of files) {
    const bar = make("progress", {max: 1, value: 0, "aria-label": file.name});
    const said = make("span", {role: "status"}, bytes(file.size));
    const cancel = make("button", {type: "button", "aria-label": `Cancel ${file.name}`}, "Cancel");
    const cancelled = new AbortController();
    cancel.addEventListener("click", () => cancelled.abort());
    row(file.name, bar, " ", said, " ", cancel);
    unsent += 1;
    const sent = async () => {
      try {
        if (cancelled.signal.aborted) throw new Error("You have cancelled it.");
        const key = await put(file.name, file, (share) => { bar.value = share; }, cancelled.signal);
        bar.value = 1;
        said.textContent = `stored as ${key}`;
      } catch (error) {
        bar.hidden = true;
        said.textContent = `not stored: ${error.message}`;
      }
      cancel.remove();
      unsent -= 1;
    };
    before = before.then(sent);
  }
}

/* Files that are dropped are sent, in every view. A page that only reads takes none, but does not make way for them. */
export function takeDrops(mayWrite) {
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    document.body.classList.toggle("over", mayWrite && event.type === "dragover");
    if (!mayWrite) event.dataTransfer.dropEffect = "none";
    else if (event.type === "drop") drop(event.dataTransfer);
  };
  for (const kind of ["dragover", "dragleave", "drop"]) document[`on${kind}`] = over;
}

function drop({files, items}) {
  /* of a folder there is an item that looks like a file */
  const folders = new Set([...items].filter((item) => item.kind === "file" && item.webkitGetAsEntry?.()?.isDirectory)
    .map((item) => item.getAsFile()?.name));
  for (const name of folders) row(name, make("span", {}, "not stored: It is a folder. Drop the files in it."));
  send([...files].filter((file) => !folders.has(file.name)));
}

/* the browser asks before it leaves uploads behind */
window.addEventListener("beforeunload", (event) => { if (unsent) event.preventDefault(); });

export function chooser(account) {
  const input = make("input", {id: "files", type: "file", multiple: true,
    accept: "video/*,audio/*,.mkv,.avi,.mts,.m2ts,.mxf"});
  input.addEventListener("change", () => { send([...input.files]); input.value = ""; });
  return make("div", {id: "drop"},
    make("label", {htmlFor: "files"}, "Drop videos anywhere on this page, or choose them: "), input,
    make("p", {className: "hint"}, `They go to s3://${account.bucket}/start/. Each starts an execution.`));
}
