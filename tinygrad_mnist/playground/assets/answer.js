// What the models answered, as bars, a table and pictures.

import { inkColours, paint, paintAll, read, signColours, signColoursOver } from "./pictures.js";

const NAMES = {
  perceptron: "Perceptron",
  convolutional: "Convolutional",
  yours: "Yours",
  gaussian: "Gaussian",
  logistic: "Logistic",
  nearest: "Nearest",
};

const DIGITS = [...Array(10).keys()];
const find = (selector) => document.querySelector(selector);

/** Make an element of a class with a text and children. */
function make(tag, { className = "", text = "", role = "" } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== "") element.textContent = text;
  if (role) element.setAttribute("role", role);
  element.append(...children);
  return element;
}

const percent = (share) => {
  if (share > 0.9995) return "100 %";
  return share < 0.0005 ? "" : `${(100 * share).toFixed(share < 0.0995 || share > 0.9 ? 1 : 0)} %`;
};

export function buildBars() {
  find("#bars").replaceChildren(
    ...DIGITS.map((digit) =>
      make("div", {}, make("small"), make("div", { className: "track" }, make("i")), make("b", { text: digit })),
    ),
  );
}

function showBars(answer) {
  [...find("#bars").children].forEach((bar, digit) => {
    const share = answer ? answer.probabilities[digit] : 0;
    bar.classList.toggle("first", answer?.digit === digit);
    bar.querySelector("small").textContent = percent(share);
    bar.querySelector("i").style.setProperty("--share", share);
  });
}

function showVerdict(answer, name, label) {
  const [digit, text] = find("#verdict").children;
  find("#verdict").classList.toggle("blank", !answer);
  if (!answer) {
    digit.textContent = "–";
    text.textContent = name ? "This network is not ready yet. Others may answer below." : "Nothing is drawn yet.";
    return;
  }
  digit.textContent = answer.digit;
  const share = answer.probabilities[answer.digit];
  const truth = label === undefined ? "" : label === answer.digit ? " That is right." : ` It is a ${label}.`;
  text.textContent = `The ${name === "yours" ? "network in training" : `${name} network`} gives it ${percent(share)}.${truth}`;
}

/** Show a row for each model. `accuracies` has the share of digits that each that is ready gets right. */
export function showTable(answers, accuracies) {
  const rows = Object.keys(NAMES).filter((name) => name !== "yours" || name in answers);
  const head = make("div", { className: "head", role: "row" }, make("span", { role: "columnheader" }));
  head.append(...DIGITS.map((digit) => make("span", { text: digit, role: "columnheader" })), make("span", { role: "columnheader" }));
  find("#table").replaceChildren(
    head,
    ...rows.map((name) => {
      const answer = answers[name];
      const title = make("span", { className: "name", text: NAMES[name], role: "rowheader" });
      const ready = name in accuracies ? `${(100 * accuracies[name]).toFixed(1)} %` : "not ready yet";
      if (name !== "yours") title.append(make("small", { text: ready }));
      const row = make("div", { role: "row" }, title);
      row.dataset.model = name;
      for (const digit of DIGITS) {
        // the nearest neighbour has no probabilities: its cells show how many of the nearest are of a digit
        const share = answer?.probabilities?.[digit] ?? votes(answer, digit);
        const cell = make("span", { className: "cell", role: "cell" });
        cell.style.setProperty("--share", share);
        cell.title = answer?.labels ? `${5 * share} of the 5 nearest` : percent(share);
        row.append(cell);
      }
      row.append(make("span", { className: "digit", text: answer?.digit ?? "", role: "cell" }));
      return row;
    }),
  );
}

const votes = (answer, digit) => (answer?.labels ?? []).filter((label) => label === digit).length / 5;

function showNeighbours(nearest) {
  find("#nearest .note").hidden = !nearest;
  if (!nearest) {
    find("#nearest .neighbours").replaceChildren(make("p", { text: "The training images that are most like yours." }));
    return;
  }
  const images = read(nearest.images);
  const size = images.height * images.width;
  find("#nearest .neighbours").replaceChildren(
    ...nearest.labels.map((label, i) => {
      const canvas = make("canvas", { role: "img" });
      const numbers = images.numbers.subarray(i * size, (i + 1) * size);
      canvas.setAttribute("aria-label", `a ${label}`);
      paint(canvas, { ...images, numbers }, inkColours());
      const caption = make("figcaption", {}, make("b", { text: label }), ` · ${nearest.distances[i].toFixed(1)}`);
      return make("figure", {}, canvas, caption);
    }),
  );
}

function showWhy(image, gradient) {
  paint(find("#seen"), image, inkColours());
  const none = { ...image, numbers: new Int8Array(image.numbers.length) };
  paint(find("#gradient"), gradient ?? none, signColoursOver(image));
  const largest = gradient ? ` At most ${gradient.largest.toPrecision(2)} for a pixel.` : "";
  find("#gradient-text").textContent = `The gradient of the winning logit.${largest}`;
}

/** Say how tiles are laid out: how many beside each other, how large. */
function layout({ count, width }) {
  if (width === 1) return count === 10 ? { columns: 10, zoom: 26, labels: true } : { columns: count > 64 ? 25 : 16, zoom: 12 };
  return { columns: count > 8 ? 8 : 4, zoom: Math.max(2, Math.round(64 / width)) };
}

function showLayers(layers) {
  const flow = find("#layers .flow");
  flow.replaceChildren(
    ...layers.map((layer) => {
      const caption = make("figcaption", {}, make("b", { text: layer.name }), ` ${layer.shape.join(" × ")}`);
      const canvas = make("canvas", { role: "img" });
      canvas.setAttribute("aria-label", `the ${layer.tiles.count} pictures that ${layer.name} returned`);
      return make("figure", {}, caption, canvas);
    }),
  );
  layers.forEach((layer, i) => {
    const tiles = read(layer.tiles);
    const name = tiles.width === 1 ? "unit" : "channel";
    paintAll(flow.children[i].lastChild, tiles, signColours(), { ...layout(tiles), name });
  });
  if (!layers.length) flow.append(make("p", { className: "empty", text: "Draw something, and it appears here." }));
}

/** Show an answer of the server, or that there is none. */
export function showAnswer(found, chosen, accuracies) {
  const answers = found?.answers ?? {};
  const blank = { count: 1, height: 28, width: 28, largest: 0, numbers: new Int8Array(784) };
  showBars(answers[chosen]);
  showVerdict(answers[chosen], found && chosen, found?.label);
  showTable(answers, accuracies);
  showNeighbours(answers.nearest);
  showWhy(found ? read(found.image) : blank, found?.look && read(found.look.gradient));
  showLayers(found?.look?.layers ?? []);
}
