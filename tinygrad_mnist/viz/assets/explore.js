"use strict";
// The explorer: draws the graph, and plays its backward pass. All text from the program is put in
// as text, never as HTML.

const computation = JSON.parse(document.getElementById("data").textContent);
const vertices = computation.vertices, turns = computation.turns;
const byId = (id) => document.getElementById(id);
const stage = byId("stage"), svg = byId("graph"), panel = byId("panel");
const SVG = "http://www.w3.org/2000/svg";

vertices.forEach((v, i) => { v.id = i; v.uses = []; });
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
for (const v of vertices) { const m = moduleOf(v.path); if (m) m.vertices.push(v); }
const inside = (m) => [...m.vertices, ...m.children.flatMap((c) => inside(modules.get(c)))];

function ancestors(path) {   // from the outermost on
  const found = [];
  for (let m = moduleOf(path); m; m = moduleOf(m.parent)) found.unshift(m.path);
  return found;
}

// The box that a vertex is drawn as: itself, or the outermost closed module around it
function shownAs(v) {
  const closed = ancestors(v.path).find((path) => !state.open.has(path));
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
  if (x === 0) return "0";
  const size = Math.abs(x);
  return size >= 1e5 || size < 1e-3 ? x.toExponential(2) : String(Number(x.toPrecision(4)));
}

function label(v) {
  if (v.value && v.value.size === 1 && v.value.data.length) return number(v.value.data[0]);
  return shapeText(v.shape);
}

let layout = null;   // boxes by key, and edges

function draw() {
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: false });
  graph.setGraph({ rankdir: "TB", nodesep: 22, ranksep: 40, marginx: 16, marginy: 16 });
  graph.setDefaultEdgeLabel(() => ({}));
  const boxes = new Map();
  const add = (key, box) => {
    if (boxes.has(key)) return;
    box.key = key;
    box.width = Math.max(box.title.length * 8, box.below.length * 6.4, 40) + 22;
    box.height = 42;
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
    const path = box.path !== undefined ? modules.get(box.path).parent : box.vertices[0].path;
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
    const key = a + " " + b;
    if (!edges.has(key)) { edges.set(key, { a, b, parts: [] }); graph.setEdge(a, b); }
    edges.get(key).parts.push(e);
  }
  dagre.layout(graph);
  svg.textContent = "";
  const defs = element("defs", {}, svg);
  const tip = element("marker", { id: "tip", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, defs);
  element("path", { d: "M0 0L8 4L0 8z" }, tip);
  const camera = element("g", { id: "camera" }, svg);
  for (const key of frames) {
    const at = graph.node(key);
    const g = element("g", { class: "box frame", tabindex: 0, role: "button", "aria-label": "close " + key.slice(1), "data-path": key.slice(1) }, camera);
    element("rect", { x: at.x - at.width / 2, y: at.y - at.height / 2, width: at.width, height: at.height }, g);
    element("text", { x: at.x - at.width / 2 + 6, y: at.y - at.height / 2 + 15 }, g, key.slice(1) + "  −");
    press(g, () => toggle(key.slice(1)));
  }
  for (const edge of edges.values()) {
    const points = graph.edge(edge.a, edge.b).points;
    edge.element = element("path", { class: "edge", d: curve(points), "marker-end": "url(#tip)" }, camera);
  }
  for (const box of boxes.values()) {
    const at = graph.node(box.key), x = at.x - box.width / 2, y = at.y - box.height / 2;
    const g = element("g", { class: "box " + box.kind, tabindex: 0, role: "button", "data-key": box.key,
      "aria-label": box.title + (box.kind === "module" ? ", closed module" : "") }, camera);
    element("rect", { x, y, width: box.width, height: box.height }, g);
    element("text", { x: at.x, y: at.y - 2 }, g, box.title + (box.kind === "module" ? "  +" : ""));
    element("text", { x: at.x, y: at.y + 13, class: "below" }, g, box.below);
    press(g, () => (box.kind === "module" ? toggle(box.path) : choose(box.vertices[0])));
    box.element = g; box.x = at.x; box.y = at.y;
  }
  const size = graph.graph();
  layout = { boxes, edges: [...edges.values()], width: size.width || 1, height: size.height || 1 };
  paint();
}

function shortName(v) {
  if (v.kind !== "parameter" || !v.path || !state.open.has(v.path)) return v.name;
  return v.name.slice(v.path.length + 1);
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
  g.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); act(); }
  });
}

function toggle(path) {
  if (state.open.has(path)) state.open.delete(path); else state.open.add(path);
  redraw();
}

function redraw() { if (computation.drawn) { draw(); fit(); } }

// Camera

const camera = { x: 0, y: 0, scale: 1 };
let moved = false;
function place() {
  const g = byId("camera");
  if (g) g.setAttribute("transform", `translate(${camera.x} ${camera.y}) scale(${camera.scale})`);
}
function fit() {
  const w = stage.clientWidth, h = stage.clientHeight;
  camera.scale = Math.min(1.4, w / layout.width, Math.max(h / layout.height, 0.55));
  camera.x = (w - layout.width * camera.scale) / 2;
  camera.y = Math.max(0, (h - layout.height * camera.scale) / 2);
  place();
  show(current(), false);
}
function zoom(factor, x, y) {
  const scale = Math.min(4, Math.max(0.05, camera.scale * factor));
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
  const a = html("a", v.name + (v.kind === "operation" ? " " + shapeText(v.shape) : ""), parent);
  a.tabIndex = 0;
  const follow = () => { reveal(v); choose(v); if (layout) show(v, true); };
  a.addEventListener("click", follow);
  a.addEventListener("keydown", (e) => { if (e.key === "Enter") follow(); });
}

function reveal(v) {
  const closed = ancestors(v.path).filter((path) => !state.open.has(path));
  if (closed.length) { closed.forEach((path) => state.open.add(path)); redraw(); }
}

function describe(v) {
  panel.textContent = "";
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
  array(v.value, "its numbers were not kept; record the step with viz.record() to see them");
  if (v.kind === "operation") backwardOf(v); else collected(v);
  if (v.inputs.length) {
    html("h3", "Computed from");
    for (const e of v.inputs) { const p = html("p"); html("span", e.argument + ": ", p, "soft"); link(e.from, p); }
  }
  if (v.uses.length) {
    html("h3", "Used by");
    for (const e of v.uses) { const p = html("p"); link(e.target, p); html("span", " as " + e.argument, p, "soft"); }
  }
}

function backwardOf(v) {
  html("h3", "Gradient that comes in");
  if (v.turn === null) { html("p", "None comes: nothing that needs a gradient leads through here.", panel, "waiting"); return; }
  if (v.id === computation.loss) html("p", "The walk begins here: the loss changes with itself at rate 1.", panel, "soft");
  sum(v);
  const had = v.turn < state.step;
  if (had || state.chosen) array(v.gradient, "none");
  if (!had) html("p", `Its turn is step ${v.turn + 1}.`, panel, "waiting");
  if (!had && !state.chosen) return;
  for (const e of v.inputs) {
    if (!e.gradient) continue;
    const p = html("h3", "Rule for " + e.argument);
    p.title = "the line of the derivative table";
    if (e.rule) html("pre", e.rule);
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

function sum(v) {
  if (v.arrivals.length < 2) return;
  const here = arrived(v).length;
  html("p", `${here} of ${v.arrivals.length} paths have arrived; their gradients are added:`, panel, here === v.arrivals.length ? "arrived" : "waiting");
  v.arrivals.forEach((e) => {
    const p = html("p", turnOf(e) < state.step ? "✓ from " : "… from ", panel, turnOf(e) < state.step ? "arrived" : "waiting");
    link(e.target, p);
    html("span", ` (as ${e.argument})`, p, "soft");
    if (turnOf(e) < state.step) array(e.gradient, "");
  });
}

function collected(v) {
  if (v.kind !== "parameter") return;
  html("h3", "Gradient");
  if (!v.arrivals.length) { html("p", "None arrives.", panel, "waiting"); return; }
  sum(v);
  if (isDone(v) || state.chosen) array(v.gradient, "none");
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
  const more = html("a", a.data.length < a.size ? `first ${a.data.length} numbers` : "numbers", facts);
  more.tabIndex = 0;
  let opened = null;
  const open = () => {
    if (opened) { opened.remove(); opened = null; } else { opened = table(a); row.after(opened); }
  };
  more.addEventListener("click", open);
  more.addEventListener("keydown", (e) => { if (e.key === "Enter") open(); });
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
  const last = columnsOf(a);
  // Images stand side by side: of [..., H, W] the last two dimensions are a picture each.
  const high = a.part.length > 1 ? a.part[a.part.length - 2] : 1;
  const images = Math.max(1, Math.min(Math.floor(a.data.length / (last * high)), Math.max(1, Math.floor(64 / last))));
  const flat = a.part.length < 2 || last * high > 4096;
  const w = flat ? Math.min(a.data.length, 48) : last * images, h = flat ? 1 : high;
  const count = flat ? Math.ceil(a.data.length / w) : h;
  canvas.width = w; canvas.height = flat ? Math.min(count, 48) : h;
  const cell = Math.max(1, Math.min(14, Math.floor(112 / Math.max(canvas.width, 1))));
  canvas.style.width = Math.min(112, canvas.width * cell) + "px";
  canvas.style.height = Math.min(112, canvas.height * Math.max(cell, 2)) + "px";
  const most = Math.max(Math.abs(a.min || 0), Math.abs(a.max || 0)) || 1;
  for (let y = 0; y < canvas.height; y++) for (let x = 0; x < w; x++) {
    const index = flat ? y * w + x : Math.floor(x / last) * last * high + y * last + (x % last);
    const value = a.data[index];
    if (typeof value !== "number") { if (value !== undefined) { context.fillStyle = "#888"; context.fillRect(x, y, 1, 1); } continue; }
    context.fillStyle = `rgba(${value > 0 ? plus : minus}, ${Math.min(1, Math.abs(value) / most)})`;
    context.fillRect(x, y, 1, 1);
  }
  canvas.title = "red: above 0, blue: below 0; full colour: " + number(most);
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
byId("fit").onclick = () => fit();
byId("open-all").onclick = () => { modules.forEach((m, path) => state.open.add(path)); redraw(); };
byId("close-all").onclick = () => { state.open.clear(); redraw(); };
byId("slider").addEventListener("input", (event) => go(Number(event.target.value)));
document.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT" && event.target.type === "search") return;
  const act = {
    ArrowRight: () => go(state.step + 1), ArrowLeft: () => go(state.step - 1),
    Home: () => go(0), End: () => go(turns.length), " ": play, 0: fit, "/": () => byId("search").focus(),
    "+": () => zoom(1.2, stage.clientWidth / 2, stage.clientHeight / 2),
    "-": () => zoom(1 / 1.2, stage.clientWidth / 2, stage.clientHeight / 2),
  }[event.key];
  if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  event.preventDefault();
  act();
});
window.addEventListener("resize", () => { if (layout) fit(); });

function openFew() {   // open level by level, while there are few boxes
  for (let depth = 1; depth < 12; depth++) {
    const before = [...state.open];
    modules.forEach((m, path) => { if (ancestors(path).length <= depth) state.open.add(path); });
    if (new Set(vertices.map(shownAs)).size > 60) { state.open = new Set(before); return; }
  }
}

// Begin: modules are closed where everything would be too much to read

if (computation.drawn) {
  openFew();
  redraw();
} else {
  const counts = {};
  for (const v of vertices) if (v.kind === "operation") counts[v.name] = (counts[v.name] || 0) + 1;
  const lines = Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([name, n]) => `${n} ${name}`);
  byId("notice").hidden = false;
  byId("notice").textContent = `This graph has ${vertices.length.toLocaleString("en")} vertices: too many to draw. Search and steps work. Explore a smaller step (fewer layers, time steps or examples) to see it. Its operations: ${lines.join(", ")}.`;
}
paint();
