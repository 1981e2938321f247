/* The executions of a state machine. */
import {address, get, listen, trouble} from "./ask.js";
import {badge, lasted, make, when} from "./make.js";
import {chooser} from "./uploads.js";

/* What was looked for in each state machine, for those who come back from an execution. */
const kept = new Map();

export async function showList(view, account, machine, signal) {
  document.title = "Executions – av-workflow console";
  if (!kept.has(machine)) kept.set(machine, {query: {machine, status: "", name: ""}, pages: []});
  /* `pages`: what each page but the first is asked for with */
  const {query, pages} = kept.get(machine);
  let shown = [];
  const body = make("tbody");
  const none = make("p", {className: "hint", role: "status"});
  const newer = make("button", {type: "button"}, "Newer");
  const older = make("button", {type: "button"}, "Older");
  const status = make("select", {id: "status"}, make("option", {value: ""}, "all"),
    ...account.statuses.map((each) => make("option", {value: each}, each.replace("_", " ").toLowerCase())));
  const name = make("input", {id: "name", type: "search", autocomplete: "off", spellcheck: false});
  [status.value, name.value] = [query.status, query.name];
  let live = new AbortController();
  signal.addEventListener("abort", () => live.abort());

  function fill({rows, more}) {
    shown = rows;
    body.replaceChildren(...rows.map((row) => make("tr", {},
      make("td", {className: "name"}, make("a", {href: address("e", row.arn), dir: "auto"}, row.name)),
      make("td", {}, badge(row.status)),
      make("td", {className: "when"}, when(row.started)),
      make("td", {className: "number"}, lasted(row.started, row.ended)))));
    none.textContent = rows.length ? "" : "There are no such executions.";
    newer.disabled = !pages.length;
    older.disabled = !more;
    older.onclick = () => { pages.push(more); turn(() => pages.pop()); };
  }

  /* the first page is live, the others stay as they are */
  async function load() {
    live.abort();
    live = new AbortController();
    const mine = live;
    if (pages.length) {
      const rows = await get("executions", {...query, more: pages.at(-1)}, mine.signal);
      if (mine === live) fill(rows);
    } else {
      listen("live-list", query, mine.signal, (kind, data) => { if (kind === "rows" && mine === live) fill(data); });
    }
  }

  /* Goes to another page; `back` undoes the step if that page can't be had. */
  async function turn(back) {
    newer.disabled = older.disabled = true;
    try {
      await load();
    } catch (error) {
      if (error.name === "AbortError") return;
      back();
      newer.disabled = !pages.length;
      older.disabled = false;
      trouble(error.message);
    }
  }

  const again = () => {
    pages.length = 0;
    Object.assign(query, {status: status.value, name: name.value.trim()});
    load();
  };
  status.addEventListener("change", again);
  let typed;
  name.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(again, 300); });
  newer.addEventListener("click", () => { const more = pages.pop(); turn(() => pages.push(more)); });
  const head = ["Name", "Status", "Started", "Duration"].map((text) =>
    make("th", {scope: "col", className: text === "Duration" ? "number" : ""}, text));
  view.append(
    make("h1", {}, "Executions"),
    ...(account.mayWrite ? [chooser(account)] : []),
    make("div", {className: "bar"}, make("label", {htmlFor: "status"}, "Status"), status,
      make("label", {htmlFor: "name"}, "Name contains"), name),
    make("div", {className: "wide"}, make("table", {"aria-label": "Executions"},
      make("thead", {}, make("tr", {}, ...head)), body)),
    none, make("div", {className: "bar"}, newer, older));
  /* the durations of those that run */
  const ticking = setInterval(() => shown.forEach((row, index) => {
    if (row.ended === null && body.rows[index]) body.rows[index].cells[3].textContent = lasted(row.started, null);
  }), 1000);
  signal.addEventListener("abort", () => { clearInterval(ticking); clearTimeout(typed); });
  await load().catch((error) => {
    if (!pages.length || signal.aborted) throw error;
    pages.length = 0;  // the page that was shown last can't be had any more
    return load();
  });
}
