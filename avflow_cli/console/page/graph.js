/* The graph of a state machine. dagre lays out one level at a time: a Map or a Parallel is one box of the level around
   it, as large as what is in it. */
import {Graph, layout} from "./dagre.js";
import {inWords, lasted, makeSvg} from "./make.js";

const [HEIGHT, PAD, HEAD, DOT] = [44, 14, 30, 14];
const [FIRST, LAST] = ["\u0000start", "\u0000end"];
/* how much an edge wants to be short and straight */
const WEIGHTS = {next: 3, choice: 2, default: 2, catch: 1};
const textWidth = (text) => 7.6 * text.length + 24;

export const states = (level) => level.nodes.flatMap((state) => [state, ...state.levels.flatMap(states)]);

/* The level without the states that only errors lead to, unless they were entered. */
function withoutErrors(level, entered) {
  const shown = new Set(level.nodes.map((state) => state.name).filter((name) => entered.has(name)));
  const reached = new Set();
  for (const todo = [level.start]; todo.length;) {
    const name = todo.pop();
    if (reached.has(name)) continue;
    reached.add(name);
    todo.push(...level.edges.filter((edge) => edge.source === name && edge.kind !== "catch").map((edge) => edge.target));
  }
  const both = (name) => shown.has(name) || reached.has(name);
  return {
    start: level.start,
    nodes: level.nodes.filter((state) => both(state.name))
      .map((state) => ({...state, levels: state.levels.map((each) => withoutErrors(each, entered))})),
    edges: level.edges.filter((edge) => both(edge.source) && both(edge.target)),
  };
}

/* Sizes and places of a level's nodes, relative to its corner. */
function layOut(level) {
  const graph = new Graph({multigraph: true});
  graph.setGraph({rankdir: "TB", nodesep: 18, edgesep: 8, ranksep: 32, marginx: PAD, marginy: PAD});
  graph.setDefaultEdgeLabel(() => ({}));
  graph.setNode(FIRST, {width: DOT, height: DOT});
  for (const state of level.nodes) {
    const inner = state.levels.map(layOut);
    const width = Math.max(["Task", "Map"].includes(state.kind) ? 160 : 110, textWidth(state.name), inner.reduce((sum, each) => sum + each.width + PAD, PAD));
    const height = inner.length ? HEAD + HEIGHT + Math.max(...inner.map((each) => each.height)) : HEIGHT;
    graph.setNode(state.name, {width, height, state, inner});
  }
  if (level.start) graph.setEdge(FIRST, level.start, {weight: 3});
  for (const {source, target, kind} of level.edges) graph.setEdge(source, target, {kind, weight: WEIGHTS[kind]}, kind);
  const ends = level.nodes.filter((state) => state.ends && state.kind !== "Fail");
  if (ends.length) graph.setNode(LAST, {width: DOT, height: DOT});
  for (const state of ends) graph.setEdge(state.name, LAST);
  layout(graph);
  const {width, height} = graph.graph();
  return {graph, width, height};
}

/* a line through the points of an edge, with rounded corners */
function curve(points, x, y) {
  const at = points.map((point) => [x + point.x, y + point.y].map((value) => value.toFixed(1)));
  const middle = (a, b) => a.map((value, axis) => ((Number(value) + Number(b[axis])) / 2).toFixed(1));
  let path = `M${at[0]}`;
  for (let index = 1; index < at.length - 1; index += 1) path += ` Q${at[index]} ${middle(at[index], at[index + 1])}`;
  return `${path} L${at.at(-1)}`;
}

/* The run of a state whose status its node shows: of those, the last. */
export function foremost(runs) {
  const status = ["RUNNING", "RETRYING", "FAILED", "ABORTED", "CAUGHT", "SUCCEEDED"]
    .find((each) => runs.some((run) => run.status === each));
  return runs.findLast((run) => run.status === status);
}

export class StateGraph {
  /* `select` is called with the name of a state */
  constructor(level, select) {
    Object.assign(this, {level, select, nodes: new Map(), scale: 1});
    this.transitions = new Map();
    const note = ({nodes, edges}) => {
      for (const edge of edges) this.transitions.set(edge.source, [...(this.transitions.get(edge.source) ?? []), edge]);
      for (const state of nodes) state.levels.forEach(note);
    };
    note(level);
    this.states = new Map(states(level).map((state) => [state.name, state]));
    this.svg = makeSvg("svg", {role: "group", "aria-label": "States"});
  }

  /* Draws the states, those that only errors lead to if `all` says so or if they are among the `entered`. */
  show(entered, all) {
    this.nodes.clear();
    const {graph, width, height} = layOut(all ? this.level : withoutErrors(this.level, entered));
    const [frames, edges, nodes] = ["frames", "edges", "nodes"].map((name) => makeSvg("g", {class: name}));
    this.draw(graph, 0, 0, {frames, edges, nodes});
    const tip = makeSvg("marker", {id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
      orient: "auto"}, makeSvg("path", {d: "M0 0 L8 4 L0 8 z", class: "tip"}));
    [this.width, this.height, this.begin] = [width, height, graph.node(FIRST).x];
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.replaceChildren(makeSvg("defs", {}, tip), frames, edges, nodes);
    this.zoom(this.scale);
  }

  zoom(scale) {
    this.scale = scale;
    this.svg.setAttribute("width", Math.round(this.width * scale));
    this.svg.setAttribute("height", Math.round(this.height * scale));
  }

  draw(graph, x, y, into) {
    for (const edge of graph.edges()) {
      const {points, kind = "next"} = graph.edge(edge);
      into.edges.append(makeSvg("path", {class: `edge ${kind}`, d: curve(points, x, y), "marker-end": "url(#tip)"}));
    }
    for (const name of graph.nodes()) {
      const node = graph.node(name);
      const [left, top] = [x + node.x - node.width / 2, y + node.y - node.height / 2];
      if (node.state) this.drawState(node, left, top, into);
      else into.edges.append(makeSvg("circle", {class: "end", cx: x + node.x, cy: y + node.y, r: DOT / 2}));
    }
  }

  drawState({state, inner, width, height}, left, top, into) {
    if (inner.length) {
      into.frames.append(makeSvg("rect", {class: "frame", x: left, y: top, width, height, rx: 8}));
      let x = left + (width - inner.reduce((sum, each) => sum + each.width + PAD, -PAD)) / 2;
      for (const each of inner) {
        this.draw(each.graph, x, top + HEIGHT, into);
        x += each.width + PAD;
      }
    }
    const small = makeSvg("text", {class: "small", x: left + width / 2, y: top + 35, "text-anchor": "middle",
      lengthAdjust: "spacingAndGlyphs"});
    const title = makeSvg("text", {x: left + width / 2, y: top + 19, "text-anchor": "middle"}, state.name);
    const group = makeSvg("g", {class: "node", tabindex: 0, role: "button", "aria-pressed": "false"},
      makeSvg("rect", {x: left, y: top, width, height: HEIGHT, rx: 6}), title, small);
    const choose = () => this.select(state.name);
    group.addEventListener("click", choose);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      choose();
    });
    into.nodes.append(group);
    this.nodes.set(state.name, {group, small, state, width});
    this.update(state.name, []);
  }

  /* Shows what became of a state, by its runs in the order of their entry. */
  update(name, runs) {
    const node = this.nodes.get(name);
    if (!node) return;
    const status = foremost(runs)?.status;
    const text = status ? this.told(status, runs) : node.state.kind;
    node.group.setAttribute("class", `node ${(status ?? "idle").toLowerCase()}`);
    node.small.textContent = text;
    if (5.8 * text.length > node.width - 8) node.small.setAttribute("textLength", node.width - 8);
    else node.small.removeAttribute("textLength");
    node.group.setAttribute("aria-label", `${name}: ${status ? text : "not entered"}`);
  }

  told(status, runs) {
    const last = runs.at(-1);
    const parts = [inWords(status)];
    const tries = Math.max(...runs.map((run) => run.tries));
    if (last.length !== null) parts.push(`${last.items[1]} of ${last.length} items`);
    else if (runs.length > 1) parts.push(`${runs.length} times`);
    if (tries > 1) parts.push(`${tries} tries`);
    if (runs.length === 1 && (last.service || last.length !== null)) parts.push(lasted(last.entered, last.left));
    return parts.join(" · ");
  }

  press(name) {
    for (const [each, {group}] of this.nodes) group.setAttribute("aria-pressed", String(each === name));
  }
}
