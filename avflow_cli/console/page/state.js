/* What is known of one state: input, output, error, tries, and the log behind each try. */
import {get} from "./ask.js";
import {badge, block, clock, inWords, lasted, make, pretty, service, when} from "./make.js";

const facts = (pairs) => make("dl", {}, ...pairs.filter(([, value]) => value !== null && value !== undefined && value !== "")
  .flatMap(([name, value]) => [make("dt", {}, name), make("dd", {dir: "auto"}, value)]));

/* `key` tells the parts of one try from those of the others */
const folded = (title, text, {open = false, key = ""} = {}) => (text
  ? make("details", {open, "data-key": `${title} ${key}`}, make("summary", {}, title), block(pretty(text), title)) : null);

/* What terminals do with a line: colours, which mean nothing here, and returns to its begin. Other control characters
   become their pictures. */
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;
const plain = (text) => text.replace(ANSI, "").replace(/\r\n?/g, "\n").replace(/[\x00-\x08\x0b\x0c\x0e-\x1f]/g,
  (control) => String.fromCharCode(0x2400 + control.charCodeAt(0))).replace(/[\x7f-\x9f]/g, "\u2421");

/* The part of an array job whose log was chosen last, by run and try. */
const chosenParts = new Map();

/* The log is asked for when it is opened, and then whenever the state changes. */
function logOf(arn, run, number) {
  const shown = make("div", {"aria-live": "off"}, make("p", {className: "hint"}, "…"));
  const key = `${arn} ${run.id} ${number}`;
  let child = chosenParts.get(key) ?? 0;
  async function load() {
    try {
      const log = await get("log", {arn, id: run.id, try: number, child});
      const lines = log.lines.map(([time, text]) => `${clock(time)}  ${plain(text)}`).join("\n");
      const choose = make("select", {"aria-label": "Part of the array job"}, ...log.parts.map((status, index) =>
        make("option", {value: index, selected: index === child}, `part ${index + 1}: ${status.toLowerCase()}`)));
      choose.addEventListener("change", () => { child = Number(choose.value); chosenParts.set(key, child); load(); });
      const again = make("button", {type: "button"}, "Refresh");
      again.addEventListener("click", load);
      shown.replaceChildren(
        make("div", {className: "bar"}, ...(log.parts.length ? [choose] : []), again),
        make("p", {className: "hint", dir: "auto"}, [log.title, log.group, log.stream].filter(Boolean).join(" · ")),
        lines ? block(lines, "Log") : make("p", {}, log.why || "It has printed nothing yet."));
    } catch (error) {
      shown.replaceChildren(make("p", {}, error.message));
    }
  }
  const details = make("details", {className: "log", "data-key": `Log ${number}`}, make("summary", {}, "Log"), shown);
  details.addEventListener("toggle", () => { if (details.open) load(); }, {once: true});
  return details;
}

function attempt(arn, run, each, number, count) {
  const title = `${count > 1 ? `Try ${number + 1} of ${count}: ` : ""}${service(each.service)} ${each.resource}`;
  const took = each.ended || !run.left ? lasted(each.began, each.ended) : null;
  return make("section", {className: "try", "aria-label": title}, make("h3", {}, title),
    facts([["began", when(each.began)], ["took", took], ["job", each.job], ["error", each.error]]),
    folded("Cause", each.cause, {key: number}), folded("Asked", each.parameters, {key: number}),
    folded("Answer", each.output, {key: number}),
    ["lambda", "batch"].includes(each.service) ? logOf(arn, run, number) : null);
}

/* Shows a run; `others` are all runs of the state, `choose` is called with another one's id. Returns whether it is
   shown: not if another one was chosen before the answer came. */
export async function showState(panel, arn, id, others, {choose, isWanted, signal}) {
  const run = await get("state", {arn, id}, signal);
  if (!isWanted()) return false;
  const title = make("h2", {id: "state-title", dir: "auto"}, run.name);
  const named = others.map((each, index) => ({...each, where: each.inside.join(", ") || `entry ${index + 1}`}))
    .sort((a, b) => a.where.localeCompare(b.where, "en", {numeric: true}) || a.id - b.id);
  const which = make("select", {id: "which", "aria-label": "Run of the state"}, ...named.map((each) =>
    make("option", {value: each.id, selected: each.id === id}, `${each.where}: ${inWords(each.status)}`)));
  which.addEventListener("change", () => choose(Number(which.value)));
  panel.replaceChildren(title, ...(others.length > 1 ? [which] : []),
    facts([["status", badge(run.status)], ["type", run.kind], ["inside", run.inside.join(", ")],
      ["entered", when(run.entered)], ["duration", lasted(run.entered, run.left)],
      ["tries", run.tries > 1 ? `${run.tries} (${run.tries - 1} repeated)` : ""],
      ["items", run.length === null ? "" : `${run.items[1]} of ${run.length} succeeded`], ["error", run.error]]),
    ...[folded("Cause", run.cause, {open: true}), folded("Input", run.input), folded("Output", run.output)].filter(Boolean),
    ...run.attempts.map((each, number) => attempt(arn, run, each, number, run.attempts.length)).reverse());
  return true;
}
