// The training: its form, its curves, and the weights of its first layer.

import { paintAll, read, signColours } from "./pictures.js";

const SVG = "http://www.w3.org/2000/svg";
const find = (selector) => document.querySelector(selector);

const TOPS = [0.4, 0.8, 1.2, 1.6, 2, 2.4, 2.8, 4, 6, 8, 10]; // of an axis whose quarters are labelled

const ENDS = {
  done: "Trained.",
  stopped: "Stopped.",
  diverged: "Stopped: the loss is no number any more. The learning rate is too large.",
  failed: "Stopped by an error; the terminal says which.",
};

function draw(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
}

/** Draw a curve of points (step, value) between 0 and `steps`, and the last value beside its end. */
function drawCurve(place, points, { steps, epochs, top, write, dots = false }) {
  const [width, height] = [place.clientWidth, 176];
  const [left, right, above, below] = [36, 52, 8, 22];
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const x = (step) => left + (step / steps) * (width - left - right);
  const y = (value) => height - below - (Math.min(value, top) / top) * (height - above - below);
  for (let i = 0; i <= 4; i++) {
    const value = (top * i) / 4;
    draw(svg, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
    draw(svg, "text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, write(value));
  }
  const every = Math.ceil(epochs / 10);
  for (let epoch = 0; epoch <= epochs; epoch += every) {
    draw(svg, "text", { x: x((epoch / epochs) * steps), y: height - 4, "text-anchor": "middle" }, epoch);
  }
  if (points.length) {
    const line = points.map(([step, value]) => `${x(step).toFixed(1)},${y(value).toFixed(1)}`);
    draw(svg, "polyline", { class: "curve", points: line.join(" ") });
    for (const [step, value] of dots ? points : points.slice(-1)) {
      draw(svg, "circle", { cx: x(step), cy: y(value), r: 3 });
    }
    const [step, value] = points.at(-1);
    draw(svg, "text", { class: "now", x: x(step) + 7, y: y(value) + 4 }, write(value, true));
  }
  place.replaceChildren(svg);
}

/** Paint weights as large as the place allows: many small pictures, or few large ones. */
function paintWeights(canvas, weights) {
  const room = canvas.parentElement.clientWidth;
  const zoom = weights.width < 10 ? 11 : room > 700 ? 2 : 1;
  const columns = Math.max(1, Math.floor((room + 2) / (weights.width * zoom + 2)));
  paintAll(canvas, weights, signColours(), { columns, zoom });
}

function describe(training) {
  const { network, optimizer, rate, epochs, epoch, losses, accuracies, ended } = training;
  const loss = losses.length ? `, loss ${losses.at(-1)[1].toFixed(3)}` : "";
  const right = accuracies.length ? `, ${(100 * accuracies.at(-1)[1]).toFixed(1)} % right` : "";
  const how = `${network}, ${optimizer}, rate ${rate}: epoch ${epoch} of ${epochs}${loss}${right}.`;
  const vain = ended === "done" && accuracies.at(-1)[1] < 0.2;
  return ended ? `${ENDS[ended]} ${how}${vain ? " It has learned nothing: try a smaller learning rate." : ""}` : how;
}

/** Show a training as the server tells of it. */
export function showTraining(training) {
  if (!training) return;
  find("#progress").textContent = describe(training);
  find("#training .charts").hidden = find("#weights").hidden = false;
  const steps = training.steps || 1;
  const shared = { steps, epochs: training.epochs };
  const highest = Math.max(...training.losses.map(([, loss]) => loss));
  const top = TOPS.find((value) => value >= highest) ?? TOPS.at(-1);
  drawCurve(find("#loss"), training.losses, {
    ...shared, top, write: (value, exact) => (exact ? value.toPrecision(3) : String(+value.toFixed(2))),
  });
  drawCurve(find("#accuracy"), training.accuracies, {
    ...shared, top: 1, dots: true,
    write: (value, exact) => `${(100 * value).toFixed(exact ? 1 : 0)} %`,
  });
  paintWeights(find("#weights canvas"), read(training.weights));
}

/** Return the settings of the form. */
export function settings() {
  const form = new FormData(find("#training form"));
  return {
    network: form.get("network"),
    optimizer: form.get("optimizer"),
    rate: Number(form.get("rate")),
    epochs: Number(form.get("epochs")),
  };
}
