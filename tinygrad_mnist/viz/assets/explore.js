"use strict";
// The explorer: draws the graph, and plays its backward pass. All text from the program is put in
// as text, never as HTML.

const computation = JSON.parse(document.getElementById("data").textContent);
const vertices = computation.vertices, turns = computation.turns;
const byId = (id) => document.getElementById(id);
const stage = byId("stage"), svg = byId("graph"), panel = byId("panel");
const SVG = "http://www.w3.org/2000/svg";

const MANY = 120;    // this many vertices and modules directly in one module are cut into parts
const FEW = 6;       // what is given to more boxes than this is laid out near the first
const DRAWN = 400;   // and this many boxes are laid out in a second or two

vertices.forEach((v, i) => { v.id = i; v.uses = []; v.place = v.path; });
vertices.forEach((v) => v.inputs.forEach((edge) => { edge.target = v; edge.from = vertices[edge.source]; edge.from.uses.push(edge); }));

// What arrives where, in the order of the turns: a gradient is complete when all of it has come.
for (const v of vertices) {
  v.arrivals = v.uses.filter((e) => e.gradient && e.target.turn !== null)
    .sort((a, b) => a.target.turn - b.target.turn);
}

const state = { step: 0, open: new Set(), chosen: null, playing: null, matches: new Set() };

// Modules: the prefixes of the vertices' names

const modules = new Map();   // path -> {path, parent, children, vertices}
function moduleOf(path) {
  if (!path) return null;
  if (!modules.has(path)) {
    const cut = path.lastIndexOf(".");
    const parent = cut < 0 ? null : path.slice(0, cut);
    modules.set(path, { path, parent, vertices: [], children: [] });
    const above = moduleOf(parent);
    if (above) above.children.push(path);
  }
  return modules.get(path);
}
function cutLongModules() {   // what is directly in one: vertices, and modules by their names
  const tree = new Map();
  for (const v of vertices) {
    let level = tree;
    for (const name of v.path ? v.path.split(".") : []) {
      if (!level.has(name)) level.set(name, new Map());
      level = level.get(name);
    }
    level.set(v, v);
  }
  const cut = (level, above) => {
    const size = level.size <= MANY ? Infinity : Math.max(20, Math.ceil(level.size / 40));
    const count = Math.ceil(level.size / size);
    [...level].forEach(([key, part], i) => {
      const place = size === Infinity ? above : [...above, `part ${Math.floor(i / size) + 1} of ${count}`];
      if (key === part) part.place = place.join("."); else cut(part, [...place, key]);
    });
  };
  cut(tree, []);
}
if (computation.drawn) cutLongModules();
for (const v of vertices) { const m = moduleOf(v.place); if (m) m.vertices.push(v); }
const inside = (m) => [...m.vertices, ...m.children.flatMap((c) => inside(modules.get(c)))];

function ancestors(path) {   // from the outermost on
  const found = [];
  for (let m = moduleOf(path); m; m = moduleOf(m.parent)) found.unshift(m.path);
  return found;
}

// The box that a vertex is drawn as: itself, or the outermost closed module around it
function shownAs(v) {
  const closed = ancestors(v.place).find((path) => !state.open.has(path));
  return closed === undefined ? "v" + v.id : "m" + closed;
}

// Drawing

function element(kind, attributes, parent, text) {
  const e = document.createElementNS(SVG, kind);
  for (const [key, value] of Object.entries(attributes || {})) e.setAttribute(key, value);
  if (text !== undefined) e.textContent = text;
  if (parent) parent.appendChild(e);
  return e;
}

const short = (text, most) => (text.length > most ? text.slice(0, most - 1) + "…" : text);
const shapeText = (shape) => (shape.length ? shape.join(" × ") : "one number");

function number(x) {
  if (typeof x === "string") return x;
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x);
  const size = Math.abs(x);
  return size >= 1e5 || size < 1e-3 ? x.toExponential(3) : String(Number(x.toPrecision(4)));
}

function label(v) {
  if (v.value && v.value.size === 1 && v.value.data.length) return number(v.value.data[0]);
  return shapeText(v.shape);
}

// Of one number the box shows the gradient too
const oneNumber = (box) => box.kind !== "module" && box.vertices[0].gradient && box.vertices[0].gradient.size === 1;
const gradientOf = (v) => "gradient " + (v.gradient.data.length ? number(v.gradient.data[0]) : "");

let layout = null;   // boxes by key, and edges

function draw() {
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: false });
  graph.setGraph({ rankdir: "TB", nodesep: 22, ranksep: 40, marginx: 16, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  const boxes = new Map();
  const add = (key, box) => {
    if (boxes.has(key)) return;
    box.key = key;
    const gradient = oneNumber(box) ? gradientOf(box.vertices[0]) : "";
    box.width = Math.max(box.title.length * 8, box.below.length * 6.4, gradient.length * 7, 40) + 22;
    box.height = oneNumber(box) ? 58 : 42;
    boxes.set(key, box);
  };
  for (const v of vertices) {
    const key = shownAs(v);
    if (key[0] === "v") {
      add(key, { kind: v.kind, title: short(shortName(v), 34), below: label(v), vertices: [v] });
    } else if (!boxes.has(key)) {
      const members = inside(modules.get(key.slice(1)));
      const operations = members.filter((m) => m.kind === "operation").map((m) => m.name);
      const below = operations.length > 3 ? operations.length + " operations" : operations.join(", ");
      add(key, { kind: "module", title: short(key.slice(1), 34), below, vertices: members, path: key.slice(1) });
    }
  }
  for (const box of boxes.values()) graph.setNode(box.key, { width: box.width, height: box.height });
  // Frames around the open modules; only such as have something directly drawn in them
  const frames = new Set();
  for (const box of boxes.values()) {
    const path = box.path !== undefined ? modules.get(box.path).parent : box.vertices[0].place;
    let child = box.key;
    for (let m = moduleOf(path); m; m = moduleOf(m.parent)) {
      const key = "f" + m.path;
      if (!frames.has(key)) { frames.add(key); graph.setNode(key, {}); }
      graph.setParent(child, key);
      child = key;
    }
  }
  const edges = new Map();
  for (const v of vertices) for (const e of v.inputs) {
    const a = shownAs(e.from), b = shownAs(v);
    if (a === b) continue;
    const key = JSON.stringify([a, b]);
    if (!edges.has(key)) edges.set(key, { a, b, parts: [] });
    edges.get(key).parts.push(e);
  }
  layOutEdges([...edges.values()], boxes, graph);
  dagre.layout(graph);
  const focused = svg.contains(document.activeElement) ? document.activeElement.dataset : null;
  svg.textContent = "";
  const defs = element("defs", {}, svg);
  // Values flow along an edge, and gradients against it: then its tip is at its start
  for (const id of ["tip", "tip-done", "tip-now"]) {
    const tip = element("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9,
      markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, defs);
    element("path", { d: "M0 0L8 4L0 8z" }, tip);
  }
  const camera = element("g", { id: "camera" }, svg);
  const labels = [];
  layout = { boxes, frames: new Map() };
  for (const key of frames) {
    const at = graph.node(key);
    const g = element("g", { class: "box frame", tabindex: 0, role: "button", "aria-label": "close " + key.slice(1), "data-path": key.slice(1) }, camera);
    element("rect", { x: at.x - at.width / 2, y: at.y - at.height / 2, width: at.width, height: at.height }, g);
    labels.push([at, short(key.slice(1), Math.max(34, Math.floor(at.width / 8))) + "  −"]);
    layout.frames.set(key.slice(1), Object.assign(at, { element: g }));
    press(g, () => toggle(key.slice(1)));
  }
  for (const edge of edges.values()) {
    const points = edge.straight ? straight(edge, graph) : graph.edge(edge.a, edge.b).points;
    edge.element = element("path", { class: edge.straight ? "edge straight" : "edge", d: curve(points) }, camera);
  }
  for (const box of boxes.values()) {
    const at = graph.node(box.key), x = at.x - box.width / 2, y = at.y - box.height / 2;
    const g = element("g", { class: "box " + box.kind, tabindex: 0, role: "button", "data-key": box.key,
      "aria-label": box.title + (box.kind === "module" ? ", closed module" : "") }, camera);
    element("rect", { x, y, width: box.width, height: box.height }, g);
    element("text", { x: at.x, y: y + 19 }, g, box.title + (box.kind === "module" ? "  +" : ""));
    element("text", { x: at.x, y: y + 34, class: "below" }, g, box.below);
    if (oneNumber(box)) box.gradient = element("text", { x: at.x, y: y + 49, class: "below gradient" }, g, "");
    press(g, () => (box.kind === "module" ? toggle(box.path) : choose(box.vertices[0])));
    box.element = g; box.x = at.x; box.y = at.y;
  }
  for (const [at, text] of labels) {
    element("text", { class: "label", x: at.x - at.width / 2 + 2, y: at.y - at.height / 2 - 5 }, camera, text);
  }
  const size = graph.graph();
  Object.assign(layout, { edges: [...edges.values()], width: size.width || 1, height: size.height || 1 });
  if (focused) refocus(focused);
  paint();
}

function refocus({ key, path = key.slice(1) }) {   // what had the focus, now open or closed, or what is around it
  const around = [path, ...(key && key[0] === "v" ? ancestors(vertices[path].place) : ancestors(path)).reverse()];
  const found = [layout.boxes.get(key), ...around.flatMap((p) => [layout.frames.get(p), layout.boxes.get("m" + p)])];
  const next = found.find(Boolean);
  if (next) next.element.focus({ preventScroll: true });
}

function shortName(v) {
  if (v.kind !== "parameter" || !v.path || !state.open.has(v.place)) return v.name;
  return v.name.slice(v.path.length + 1);
}

// What is given to many, such as a weight to every step of a loop, is put near the first of them;
// the way to the others is straight. To lay it out takes a time that grows with its square.
function layOutEdges(edges, boxes, graph) {
  const isLeaf = (edge) => { const { kind } = boxes.get(edge.a); return kind === "parameter" || kind === "data"; };
  const led = new Set(edges.filter((edge) => !isLeaf(edge)).map((edge) => edge.b));
  const count = new Map();
  for (const edge of edges) {
    const n = (count.get(edge.a) || 0) + 1;
    count.set(edge.a, n);
    edge.straight = n > FEW && isLeaf(edge) && led.has(edge.b);
    if (!edge.straight) graph.setEdge(edge.a, edge.b);
  }
}

function straight(edge, graph) {
  const a = graph.node(edge.a), b = graph.node(edge.b);
  const ends = [{ x: a.x, y: a.y + a.height / 2 }, { x: b.x, y: b.y - b.height / 2 }];
  return [ends[0], { x: (a.x + b.x) / 2, y: (ends[0].y + ends[1].y) / 2 }, ends[1]];
}

function curve(points) {
  let path = "M" + points[0].x + " " + points[0].y;
  for (let i = 1; i < points.length - 1; i++) {
    const p = points[i], q = points[i + 1];
    const end = i === points.length - 2 ? q : { x: (p.x + q.x) / 2, y: (p.y + q.y) / 2 };
    path += "Q" + p.x + " " + p.y + " " + end.x + " " + end.y;
  }
  return path;
}

function press(g, act) {
  g.addEventListener("click", (event) => { if (!moved) { event.stopPropagation(); act(); } });
  pressByKey(g, act);
}

function pressByKey(button, act) {   // as any button is: by Enter and by the space bar
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    event.stopPropagation();
    act();
  });
}

function toggle(path) {   // what was pressed stays where it is
  const before = placeOf(path);
  if (state.open.has(path)) state.open.delete(path); else open(path);
  if (!computation.drawn) return;
  draw();
  const after = placeOf(path);
  if (!before || !after) { fit(); return; }
  camera.x += (before.x - after.x) * camera.scale;
  camera.y += (before.y - after.y) * camera.scale;
  place();
}

function open(path) {   // and close what is not around it, where all that would be too much
  ancestors(path).forEach((p) => state.open.add(p));
  if (!computation.drawn || new Set(vertices.map(shownAs)).size <= DRAWN) return;
  state.open = new Set(ancestors(path));
  byId("found").textContent = `Other modules were closed: not all fits into ${DRAWN} boxes.`;
}

function placeOf(path) {
  const at = layout && (layout.boxes.get("m" + path) || layout.frames.get(path));
  return at && { x: at.x, y: at.y - at.height / 2 };
}

function redraw() { if (computation.drawn) { draw(); fit(); } }

// Camera

const camera = { x: 0, y: 0, scale: 1 };
let moved = false;
function place() {
  const g = byId("camera");
  if (g) g.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
}
function fit(whole) {   // all of it; at first no smaller than can be read
  if (!layout) return;
  const w = stage.clientWidth, h = stage.clientHeight;
  camera.scale = Math.min(1.4, Math.max(whole ? 0.02 : 0.65, Math.min(w / layout.width, h / layout.height)));
  camera.x = (w - layout.width * camera.scale) / 2;
  camera.y = Math.max(0, (h - layout.height * camera.scale) / 2);
  place();
  if (!whole) show(current(), false);
}
function zoom(factor, x, y) {
  const scale = Math.min(4, Math.max(0.02, camera.scale * factor));
  camera.x = x - (x - camera.x) * scale / camera.scale;
  camera.y = y - (y - camera.y) * scale / camera.scale;
  camera.scale = scale;
  place();
}
function show(v, always) {   // bring a vertex into view
  const box = v && layout.boxes.get(shownAs(v));
  if (!box) return;
  const x = box.x * camera.scale + camera.x, y = box.y * camera.scale + camera.y;
  const w = stage.clientWidth, h = stage.clientHeight;
  if (always || x < 60 || x > w - 60 || y < 30 || y > h - 30) {
    camera.x += w / 2 - x;
    camera.y += h / 2 - y;
    place();
  }
}
const pointers = new Map();
stage.addEventListener("pointerdown", (e) => { pointers.set(e.pointerId, e); moved = false; });
window.addEventListener("pointermove", (e) => {
  if (!pointers.has(e.pointerId)) return;
  const before = pointers.get(e.pointerId);
  if (pointers.size === 1) {
    const dx = e.clientX - before.clientX, dy = e.clientY - before.clientY;
    if (!moved && Math.hypot(dx, dy) < 4) return;
    moved = true;
    camera.x += dx; camera.y += dy;
    place();
  } else {
    const [p, q] = [...pointers.values()];
    const other = p.pointerId === e.pointerId ? q : p;
    const area = stage.getBoundingClientRect();
    const far = (a, b) => Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) || 1;
    zoom(far(e, other) / far(before, other), other.clientX - area.left, other.clientY - area.top);
    moved = true;
  }
  pointers.set(e.pointerId, e);
});
for (const kind of ["pointerup", "pointercancel"]) {
  window.addEventListener(kind, (e) => { pointers.delete(e.pointerId); });
}
stage.addEventListener("wheel", (e) => {
  e.preventDefault();
  const area = stage.getBoundingClientRect();
  zoom(Math.exp(-e.deltaY / 500), e.clientX - area.left, e.clientY - area.top);
}, { passive: false });

// Steps: 0 is the end of the forward pass; step k is the k-th turn

const current = () => (state.step ? vertices[turns[state.step - 1]] : vertices[computation.loss]);

function go(step) {
  state.step = Math.max(0, Math.min(turns.length, step));
  state.chosen = null;
  paint();
  if (layout) show(current(), false);
}

function play() {
  if (state.playing) { clearInterval(state.playing); state.playing = null; }
  else {
    if (state.step === turns.length) go(0);
    state.playing = setInterval(() => { if (state.step === turns.length) play(); else go(state.step + 1); }, 900);
  }
  byId("play").textContent = state.playing ? "Stop" : "Play";
}

const turnOf = (e) => e.target.turn;
const arrived = (v) => v.arrivals.filter((e) => turnOf(e) < state.step);

function isDone(v) {
  if (v.kind === "operation") return v.turn !== null && v.turn < state.step;
  return v.arrivals.length > 0 && arrived(v).length === v.arrivals.length;
}

// Whether all of a vertex's gradient is there
const hasAll = (v) => (v.id === computation.loss ? state.step > 0 : v.arrivals.length > 0 && arrived(v).length === v.arrivals.length);

function choose(v) {
  state.chosen = v;
  paint();
}

function paint() {
  const now = state.step ? current() : null, shown = state.chosen || current();
  if (layout) {
    for (const box of layout.boxes.values()) {
      const is = (test) => box.vertices.some(test);
      box.element.classList.toggle("now", now !== null && is((v) => v === now));
      const able = box.vertices.filter((v) => v.turn !== null || v.arrivals.length);
      box.element.classList.toggle("done", able.length > 0 && able.every(isDone));
      box.element.classList.toggle("chosen", is((v) => v === shown));
      if (box.gradient) box.gradient.textContent = hasAll(box.vertices[0]) ? gradientOf(box.vertices[0]) : "";
      box.element.classList.toggle("match", is((v) => state.matches.has(v)));
    }
    for (const edge of layout.edges) {
      const carried = edge.parts.filter((e) => e.gradient && turnOf(e) !== null);
      edge.element.classList.toggle("now", carried.some((e) => e.target === now));
      edge.element.classList.toggle("done", carried.length > 0 && carried.every((e) => turnOf(e) < state.step));
    }
  }
  byId("slider").max = turns.length;
  byId("slider").value = state.step;
  byId("step").textContent = state.step ? `step ${state.step} of ${turns.length}: ${now.name}` : `forward done; ${turns.length} steps back`;
  describe(shown);
}

// The panel

function html(kind, text, parent, name) {
  const e = document.createElement(kind);
  if (text !== undefined && text !== null) e.textContent = text;
  if (name) e.className = name;
  (parent || panel).appendChild(e);
  return e;
}

function link(v, parent) {
  const text = v.name + (v.kind === "operation" ? " " + shapeText(v.shape) : "");
  anchor(text, parent, () => { reveal(v); choose(v); if (layout) show(v, true); });
}

function anchor(text, parent, act) {
  const a = html("a", text, parent);
  a.tabIndex = 0;
  a.setAttribute("role", "button");
  a.addEventListener("click", act);
  pressByKey(a, act);
}

function reveal(v) {
  const closed = ancestors(v.place).filter((path) => !state.open.has(path));
  if (closed.length) { open(v.place); redraw(); }
}

function describe(v) {
  const inside = panel !== document.activeElement && panel.contains(document.activeElement);
  panel.textContent = "";
  if (inside) panel.focus({ preventScroll: true });
  html("h2", v.name);
  const where = [v.kind === "operation" ? v.formula : v.kind === "parameter" ? "a leaf that collects a gradient" : "data", v.path && "in " + v.path];
  html("p", where.filter(Boolean).join(" · "), panel, "soft");
  html("p", `${shapeText(v.shape)} · ${v.dtype} · ${v.bytes.toLocaleString("en")} bytes`, panel, "soft");
  const settings = Object.entries(v.settings).map(([key, value]) => `${key}=${value}`);
  if (settings.length) html("p", settings.join(", "), panel, "soft");
  if (v.line) {
    html("p", `${v.line.file}:${v.line.number} in ${v.line.function}`, panel, "soft");
    if (v.line.text) html("pre", v.line.text);
  }
  html("h3", v.kind === "operation" ? "Output" : "Value");
  const without = "its numbers were not kept; record the step with viz.record() to see them";
  if (!v.outputs.length) array(v.value, without);
  for (const output of v.outputs) { html("p", output.name, panel, "soft"); array(output.value, without); }
  if (v.kind === "operation") backwardOf(v); else collected(v);
  if (v.inputs.length || v.given.length) {
    html("h3", "Computed from");
    for (const e of v.inputs) { const p = html("p"); html("span", e.argument + ": ", p, "soft"); link(e.from, p); }
    for (const x of v.given) { const p = html("p"); html("span", x.argument + ": ", p, "soft"); html("span", x.text || "was not kept", p, x.text ? "" : "waiting"); }
  }
  if (v.uses.length) {
    html("h3", "Used by");
    for (const e of v.uses) { const p = html("p"); link(e.target, p); html("span", " as " + e.argument, p, "soft"); }
  }
}

function backwardOf(v) {
  html("h3", "Gradient that comes in");
  if (v.turn === null) { html("p", "None comes: nothing that needs a gradient leads through here.", panel, "waiting"); return; }
  if (v.id === computation.loss && v.gradient.data[0] === 1) html("p", "The walk begins here: the loss changes with itself at rate 1.", panel, "soft");
  sum(v);
  const had = v.turn < state.step;
  if (had || state.chosen) {
    remark(v);
    if (!v.outputs.length) array(v.gradient, "none");
    for (const output of v.outputs) {
      html("p", output.gradient ? output.name : output.name + ": none, as nothing was computed from it", panel, "soft");
      array(output.gradient, "");
    }
  }
  if (!had) html("p", `Its turn is step ${v.turn + 1}.`, panel, "waiting");
  if (!had && !state.chosen) return;
  for (const e of v.inputs) {
    if (!e.gradient) continue;
    const p = html("h3", "Rule for " + e.argument);
    p.title = "the line of the derivative table";
    if (computation.rules[e.rule]) html("pre", computation.rules[e.rule]);
    if (e.raw) {
      html("p", `The rule gives ${shapeText(e.raw.shape)}; ${e.argument} was repeated to that shape, so the copies' gradients are summed over ${e.summed.length > 1 ? "dimensions" : "dimension"} ${e.summed.join(", ")}:`, panel, "soft");
      array(e.raw, "");
      html("p", "summed:", panel, "soft");
    }
    array(e.gradient, "");
    const to = html("p", "goes to ");
    link(e.from, to);
  }
}

function sum(v) {   // where paths meet, output by output
  for (const name of new Set(v.arrivals.map((e) => e.output))) {
    const paths = v.arrivals.filter((e) => e.output === name);
    if (paths.length < 2) continue;
    const here = paths.filter((e) => turnOf(e) < state.step).length;
    html("p", `${name && name + ": "}${here} of ${paths.length} paths have arrived; their gradients are added:`, panel, here === paths.length ? "arrived" : "waiting");
    for (const e of paths) {
      const there = turnOf(e) < state.step;
      const p = html("p", there ? "✓ from " : "… from ", panel, there ? "arrived" : "waiting");
      link(e.target, p);
      html("span", ` (as ${e.argument})`, p, "soft");
      if (there) array(e.gradient, "");
    }
    html("p", here === paths.length ? "their sum:" : "their sum will be:", panel, "soft");
  }
}

function remark(v) { if (v.remark) html("p", v.remark + ":", panel, "soft remark"); }

function collected(v) {
  if (v.kind !== "parameter") return;
  html("h3", "Gradient");
  if (!v.arrivals.length) { html("p", "None arrives.", panel, "waiting"); return; }
  sum(v);
  if (isDone(v) || state.chosen) { remark(v); array(v.gradient, "none"); }
  else html("p", "Not yet.", panel, "waiting");
}

// Arrays: a picture, a summary, and the numbers when asked for

function array(a, without) {
  if (!a) { if (without) html("p", without, panel, "waiting"); return; }
  const row = html("div", null, panel, "array");
  if (a.data.length > 1) picture(a, row);
  const facts = html("div", null, row, "facts");
  if (a.size === 1 && a.data.length) { html("div", number(a.data[0]), facts); return; }
  html("div", shapeText(a.shape), facts);
  if (a.mean !== undefined) html("div", `mean ${number(a.mean)}, std ${number(a.std)}`, facts, "soft");
  if (a.min !== undefined) html("div", `from ${number(a.min)} to ${number(a.max)}`, facts, "soft");
  if (a.odd) html("div", `${a.odd} not finite`, facts, "soft");
  if (!a.data.length) return;
  let opened = null;
  anchor(a.data.length < a.size ? `first ${a.data.length} numbers` : "numbers", facts, () => {
    if (opened) { opened.remove(); opened = null; } else { opened = table(a); row.after(opened); }
  });
}

const columnsOf = (a) => (a.part.length ? a.part[a.part.length - 1] : 1);

function table(a) {
  const wide = columnsOf(a), t = document.createElement("table");
  t.className = "numbers";
  for (let i = 0; i < a.data.length; i += wide) {
    const row = t.insertRow();
    for (let j = i; j < i + wide; j++) row.insertCell().textContent = number(a.data[j]);
  }
  return t;
}

function picture(a, parent) {
  const canvas = html("canvas", null, parent);
  const style = getComputedStyle(document.documentElement);
  const plus = style.getPropertyValue("--plus"), minus = style.getPropertyValue("--minus");
  const context = canvas.getContext("2d");
  // A matrix is one picture; of more dimensions the matrices of the last two stand side by side.
  const flat = a.part.length < 2;
  const w = flat ? Math.min(a.data.length, 32) : columnsOf(a);
  const h = flat ? Math.ceil(a.data.length / w) : a.part[a.part.length - 2];
  const fit = (n) => Math.max(1, Math.floor(160 / (n + 1)));
  const count = flat ? 1 : Math.min(Math.floor(a.data.length / (w * h)), fit(w) * fit(h));
  const across = Math.max(1, Math.min(fit(w), Math.round(Math.sqrt(count * h / w)))), down = Math.ceil(count / across);
  canvas.width = across * (w + 1) - 1; canvas.height = down * (h + 1) - 1;
  const size = Math.max(canvas.width, canvas.height), scale = Math.min(14, 112 / size);
  canvas.style.width = Math.max(6, canvas.width * scale) + "px";
  canvas.style.height = Math.max(6, canvas.height * scale) + "px";
  const most = Math.max(Math.abs(a.min || 0), Math.abs(a.max || 0)) || 1;
  for (let i = 0; i < Math.min(a.data.length, count * w * h); i++) {
    const image = Math.floor(i / (w * h)), value = Number(a.data[i]);
    const x = (image % across) * (w + 1) + i % w, y = Math.floor(image / across) * (h + 1) + Math.floor(i / w) % h;
    context.fillStyle = !Number.isFinite(value) ? "#888" : `rgba(${value > 0 ? plus : minus}, ${Math.min(1, Math.abs(value) / most)})`;
    context.fillRect(x, y, 1, 1);
  }
  canvas.title = "red: above 0, blue: below 0, grey: not finite; full colour: " + number(most);
  if (a.bins) histogram(a, parent);
}

function histogram(a, parent) {
  const canvas = html("canvas", null, parent);
  canvas.width = a.bins.length * 3; canvas.height = 48;
  canvas.style.width = canvas.width + "px"; canvas.style.height = "48px";
  const context = canvas.getContext("2d");
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue("--edge");
  const most = Math.max(...a.bins);
  a.bins.forEach((n, i) => { const h = n ? Math.max(1, 46 * n / most) : 0; context.fillRect(i * 3, 48 - h, 2, h); });
  canvas.title = `histogram from ${number(a.min)} to ${number(a.max)}`;
}

// Search

byId("search").addEventListener("input", (event) => {
  const words = event.target.value.trim().toLowerCase();
  state.matches = new Set(words ? vertices.filter((v) => [v.name, v.path, v.formula, v.line ? v.line.text : ""].some((t) => t.toLowerCase().includes(words))) : []);
  byId("found").textContent = words ? `${state.matches.size} found` : "";
  paint();
});
byId("search").addEventListener("keydown", (event) => {
  if (event.key === "Escape") { event.target.value = ""; event.target.dispatchEvent(new Event("input")); stage.focus(); }
  if (event.key !== "Enter" || !state.matches.size) return;
  const list = [...state.matches];
  const v = list[(list.indexOf(state.chosen) + 1) % list.length];
  reveal(v); choose(v);
  if (layout) show(v, true);
});

// Controls

byId("first").onclick = () => go(0);
byId("back").onclick = () => go(state.step - 1);
byId("next").onclick = () => go(state.step + 1);
byId("last").onclick = () => go(turns.length);
byId("play").onclick = play;
byId("fit").onclick = () => fit(true);
byId("open-all").onclick = () => { openUpTo(DRAWN); redraw(); };
byId("close-all").onclick = () => { state.open.clear(); redraw(); };
byId("slider").addEventListener("input", (event) => go(Number(event.target.value)));
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" && event.target.type === "search") return;
  const act = {
    ArrowRight: () => go(state.step + 1), ArrowLeft: () => go(state.step - 1),
    Home: () => go(0), End: () => go(turns.length), " ": play, 0: () => fit(true), "/": () => byId("search").focus(),
    "+": () => zoom(1.2, stage.clientWidth / 2, stage.clientHeight / 2),
    "-": () => zoom(1 / 1.2, stage.clientWidth / 2, stage.clientHeight / 2),
  }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  event.preventDefault();
  act();
});
window.addEventListener("resize", () => { if (layout) fit(); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paint);

function openUpTo(most) {   // open level by level, while there are few boxes
  for (let depth = 1; [...modules.keys()].some((path) => !state.open.has(path)); depth++) {
    const before = new Set(state.open);
    modules.forEach((m, path) => { if (ancestors(path).length <= depth) state.open.add(path); });
    if (new Set(vertices.map(shownAs)).size <= most) continue;
    state.open = before;
    byId("found").textContent = most < DRAWN ? "" : `Not all fits into ${most} boxes: open what you want to see.`;
    return;
  }
}

// Begin: modules are closed where everything would be too much to read

if (computation.drawn) {
  openUpTo(60);
  redraw();
} else {
  const counts = new Map();
  for (const v of vertices) if (v.kind === "operation") counts.set(v.name, (counts.get(v.name) || 0) + 1);
  const lines = [...counts].sort((a, b) => b[1] - a[1]).map(([name, n]) => `${n} ${name}`);
  byId("notice").hidden = false;
  for (const id of ["open-all", "close-all", "fit"]) byId(id).disabled = true;
  byId("notice").textContent = `This graph has ${vertices.length.toLocaleString("en")} vertices: too many to draw. Search and steps work. Explore a smaller step (fewer layers, time steps or examples) to see it. Its operations: ${lines.join(", ")}.`;
}
paint();
