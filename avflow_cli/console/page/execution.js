/* One execution: its graph, its states, its events and its results. */
import {address, get, listen, post, trouble} from "./ask.js";
import {EventTable} from "./events.js";
import {StateGraph, foremost} from "./graph.js";
import {badge, block, bytes, lasted, make, pretty, when} from "./make.js";
import {showState} from "./state.js";

/* addresses of results are good for an hour */
const LINKS_EVERY = 30 * 60 * 1000;
/* an execution that has ended is asked for so often whether it runs again */
const AGAIN_EVERY = 30 * 1000;

class View {
  constructor(account, arn, signal, execution) {
    Object.assign(this, {account, arn, signal, execution, runs: new Map(), chosen: null, run: null, asked: 0});
    this.graph = new StateGraph(execution.graph ?? {start: null, nodes: [], edges: []}, (name) => this.choose(name));
    this.all = make("input", {id: "all", type: "checkbox"});
    this.all.addEventListener("change", () => this.draw());
    this.events = new EventTable(arn, signal);
    this.head = make("div");
    this.panel = make("section", {id: "state", "aria-label": "State", tabIndex: 0},
      make("p", {className: "hint"}, "Choose a state to see its input, output, error, tries and log."));
    this.results = make("ul", {id: "results"});
    this.said = make("p", {className: "hint", role: "status"});
  }

  build(view) {
    const zoom = (text, label, act) => {
      const button = make("button", {type: "button", "aria-label": label}, text);
      button.addEventListener("click", act);
      return button;
    };
    const room = make("div", {id: "graph", tabIndex: 0, role: "region", "aria-label": "Drawing of the graph"},
      this.execution.graph ? this.graph.svg : make("p", {className: "hint"}, this.execution.why));
    const fit = (least) => this.graph.zoom(Math.min(1, Math.max(least, (room.clientWidth - 2) / this.graph.width)));
    view.append(this.head, this.said, make("div", {className: "panes"},
      make("section", {"aria-labelledby": "graph-title"},
        make("div", {className: "bar"}, make("h2", {id: "graph-title"}, "Graph"),
          zoom("−", "Smaller", () => this.graph.zoom(Math.max(0.2, this.graph.scale / 1.25))),
          zoom("+", "Larger", () => this.graph.zoom(Math.min(3, this.graph.scale * 1.25))),
          zoom("fit", "Fit the width", () => fit(0.2)),
          make("label", {}, this.all, ` States for errors, too (${this.graph.states.size} in all)`)), room),
      this.panel),
    make("section", {"aria-labelledby": "results-title"}, make("h2", {id: "results-title"}, "Results"), this.results),
    this.inputs(), this.events.element);
    this.draw();
    fit(0.7);
    room.scrollLeft = this.graph.begin * this.graph.scale - room.clientWidth / 2;
    this.showHead();
  }

  draw() {
    const names = new Set([...this.runs.values()].map((run) => run.name));
    this.graph.show(names, this.all.checked);
    for (const name of names) this.graph.update(name, this.runsOf(name));
    this.graph.press(this.chosen);
  }

  inputs() {
    this.output = make("div");
    return make("section", {"aria-labelledby": "io-title"}, make("h2", {id: "io-title"}, "Input and output"),
      make("details", {}, make("summary", {}, "Input"), block(pretty(this.execution.input ?? ""), "Input")), this.output);
  }

  showHead() {
    const {execution} = this;
    const running = execution.status === "RUNNING";
    this.took = make("dd", {}, lasted(execution.started, execution.ended));
    const fact = (name, value) => (value ? [make("dt", {}, name), make("dd", {dir: "auto"}, value)] : []);
    const doing = [];
    if (this.account.mayWrite) {
      const again = execution.redriveStatus === "REDRIVABLE" ? "Go on from the failed state" : "Process the upload again";
      doing.push(running ? this.doing("stop", "Stop") : this.doing("again", again));
    }
    this.head.replaceChildren(
      make("p", {}, make("a", {href: address("m", execution.executionArn.replace(":execution:", ":stateMachine:")
        .split(":").slice(0, 7).join(":"))}, "Executions")),
      make("h1", {dir: "auto"}, execution.name),
      make("dl", {}, make("dt", {}, "status"), make("dd", {id: "execution-status"}, badge(execution.status)),
        ...fact("started", when(execution.started)), make("dt", {}, "duration"), this.took,
        ...fact("error", execution.error), ...fact("redriven", execution.redriveCount ? `${execution.redriveCount} times` : "")),
      ...(execution.cause ? [make("details", {}, make("summary", {}, "Cause"), block(pretty(execution.cause), "Cause"))] : []),
      ...(doing.length ? [make("div", {className: "bar"}, ...doing)] : []));
    this.output.replaceChildren(...(execution.output
      ? [make("details", {}, make("summary", {}, "Output"), block(pretty(execution.output), "Output"))] : []));
  }

  doing(what, text) {
    const button = make("button", {type: "button", id: what}, text);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        this.said.textContent = (await post(what, {arn: this.arn})) ?? "It is being stopped.";
        if (what === "again") await this.reload();
      } catch (error) {
        trouble(error.message);
        button.disabled = false;
      }
    });
    return button;
  }

  /* after a redrive the same execution runs again; after a new upload this one stays as it is */
  async reload() {
    Object.assign(this.execution, await get("execution", {arn: this.arn}, this.signal));
    this.showHead();
    if (this.execution.status === "RUNNING") this.follow();
  }

  async follow() {
    if (this.follows) return;
    this.follows = true;
    do {
      await listen("live", {arn: this.arn}, this.signal, (kind, data) => this.told(kind, data));
    } while (this.execution.status === "RUNNING" && !this.signal.aborted);  // it was redriven right after its end
    this.follows = false;
  }

  /* another page, or a program, may have redriven it */
  async lookAgain() {
    if (this.follows || document.hidden || this.signal.aborted) return;
    try {
      const {status} = await get("execution", {arn: this.arn}, this.signal);
      if (status !== this.execution.status) await this.reload();
    } catch { /* the next look may succeed */ }
  }

  told(kind, data) {
    if (kind === "events") this.events.grow(data);
    if (kind === "runs") this.showRuns(data);
    if (kind === "execution") {
      const ended = this.execution.status === "RUNNING" && data.status !== "RUNNING";
      Object.assign(this.execution, data);
      this.showHead();
      if (ended) {
        this.said.textContent = "";
        this.reload().catch((error) => trouble(error.message));
        this.showResults();
      }
    }
  }

  runsOf(name) {
    return [...this.runs.values()].filter((run) => run.name === name).sort((a, b) => a.id - b.id);
  }

  showRuns(changed) {
    for (const run of changed) this.runs.set(run.id, run);
    const names = new Set(changed.map((run) => run.name));
    if ([...names].every((name) => this.graph.nodes.has(name))) {
      for (const name of names) this.graph.update(name, this.runsOf(name));
    } else {
      this.draw();
    }
    if (changed.some((run) => run.name === this.chosen && (this.run === null || run.id === this.run))) {
      this.showRun(this.run ?? undefined);
    }
  }

  choose(name) {
    this.chosen = name;
    this.graph.press(name);
    this.showRun();
  }

  async showRun(id) {
    const asked = ++this.asked;
    const runs = this.runsOf(this.chosen);
    if (!runs.length) {
      this.run = null;
      const {kind} = this.graph.states.get(this.chosen);
      this.panel.replaceChildren(make("h2", {}, this.chosen),
        make("p", {className: "hint"}, `${kind}: this execution has not entered it.`), this.about(this.chosen));
      return;
    }
    this.run = id ?? foremost(runs).id;
    /* what the user has opened stays open */
    const open = new Set([...this.panel.querySelectorAll("details[open]")].map((each) => each.dataset.key));
    const same = this.panel.dataset.run === String(this.run);
    try {
      const chosen = {choose: (other) => this.showRun(other), isWanted: () => asked === this.asked, signal: this.signal};
      if (!await showState(this.panel, this.arn, this.run, runs, chosen)) return;
      this.panel.dataset.run = String(this.run);
      this.panel.append(this.about(this.chosen));
      if (same) for (const each of this.panel.querySelectorAll("details")) each.open ||= open.has(each.dataset.key);
    } catch (error) {
      if (!this.signal.aborted) trouble(error.message);
    }
  }

  /* what the definition says of a state */
  about(name) {
    const {comment, resource} = this.graph.states.get(name);
    const edges = this.graph.transitions.get(name) ?? [];
    const targets = (caught) => [...new Set(edges.filter((edge) => (edge.kind === "catch") === caught)
      .map((edge) => edge.target))].join(", ");
    const pairs = [["task", resource], ["goes to", targets(false)], ["after errors", targets(true)]];
    return make("section", {"aria-label": "Definition"}, make("h3", {}, "Definition"), make("p", {}, comment),
      make("dl", {}, ...pairs.filter(([, value]) => value)
        .flatMap(([title, value]) => [make("dt", {}, title), make("dd", {}, value)])));
  }

  async showResults() {
    try {
      const found = await get("results", {arn: this.arn}, this.signal);
      this.results.replaceChildren(...(found.length ? found.map(({name, link, size}) => make("li", {},
        make("a", {href: link, target: "_blank", rel: "noopener noreferrer", dir: "auto"}, name), ` ${bytes(size)}`))
        : [make("li", {className: "hint"}, "none yet")]));
    } catch (error) {
      if (!this.signal.aborted) this.results.replaceChildren(make("li", {}, error.message));
    }
  }

  /* durations of what runs */
  tick() {
    if (this.execution.status !== "RUNNING") return;
    this.took.textContent = lasted(this.execution.started, null);
    for (const name of new Set([...this.runs.values()].filter((run) => run.left === null).map((run) => run.name))) {
      this.graph.update(name, this.runsOf(name));
    }
  }
}

export async function showExecution(view, account, arn, signal) {
  const execution = await get("execution", {arn}, signal);
  document.title = `${execution.name} – av-workflow console`;
  const shown = new View(account, arn, signal, execution);
  shown.build(view);
  const timers = [setInterval(() => shown.tick(), 1000), setInterval(() => { if (!document.hidden) shown.showResults(); }, LINKS_EVERY),
    setInterval(() => shown.lookAgain(), AGAIN_EVERY)];
  document.addEventListener("visibilitychange", () => {
    shown.lookAgain();
    if (!document.hidden) shown.showResults();  // the links may be old
  }, {signal});
  signal.addEventListener("abort", () => timers.forEach(clearInterval));
  shown.follow();
  await shown.showResults();
}
