/* The executions of a state machine. */
import {address, get, listen, trouble} from "./ask.js";
import {badge, lasted, make, when} from "./make.js";
import {dropZone} from "./uploads.js";

export async function showList(view, account, machine, signal) {
  document.title = "Executions – av-workflow console";
  const query = {machine, status: "", name: ""};
  /* what each page but the first is asked for with */
  const pages = [];
  let shown = [];
  const body = make("tbody");
  const none = make("p", {className: "hint", role: "status"});
  const newer = make("button", {type: "button"}, "Newer");
  const older = make("button", {type: "button"}, "Older");
  const status = make("select", {id: "status"}, make("option", {value: ""}, "all"),
    ...account.statuses.map((each) => make("option", {value: each}, each.replace("_", " ").toLowerCase())));
  const name = make("input", {id: "name", type: "search", autocomplete: "off", spellcheck: false});
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
    older.onclick = () => { pages.push(more); load().catch((error) => trouble(error.message)); };
  }

  /* the first page is live, the others stay as they are */
  async function load() {
    live.abort();
    live = new AbortController();
    const mine = live;
    if (pages.length) {
      fill(await get("executions", {...query, more: pages.at(-1)}, mine.signal));
      return;
    }
    fill(await get("executions", query, mine.signal));
    listen("live-list", query, mine.signal, (kind, data) => { if (kind === "rows" && mine === live) fill(data); });
  }

  const again = () => {
    pages.length = 0;
    Object.assign(query, {status: status.value, name: name.value.trim()});
    load().catch((error) => { if (error.name !== "AbortError") trouble(error.message); });
  };
  status.addEventListener("change", again);
  let typed;
  name.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(again, 300); });
  newer.addEventListener("click", () => { pages.pop(); load().catch((error) => trouble(error.message)); });
  const head = ["Name", "Status", "Started", "Duration"].map((text) =>
    make("th", {scope: "col", className: text === "Duration" ? "number" : ""}, text));
  view.append(
    make("h1", {}, "Executions"),
    ...(account.mayWrite ? [dropZone(account, signal)] : []),
    make("div", {className: "bar"}, make("label", {htmlFor: "status"}, "Status"), status,
      make("label", {htmlFor: "name"}, "Name contains"), name),
    make("div", {className: "wide"}, make("table", {"aria-label": "Executions"},
      make("thead", {}, make("tr", {}, ...head)), body)),
    none, make("div", {className: "bar"}, newer, older));
  /* the durations of those that run */
  const ticking = setInterval(() => shown.forEach((row, index) => {
    if (row.ended === null && body.rows[index]) body.rows[index].cells[3].textContent = lasted(row.started, null);
  }), 1000);
  signal.addEventListener("abort", () => clearInterval(ticking));
  await load();
}
