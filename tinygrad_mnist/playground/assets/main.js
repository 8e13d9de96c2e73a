// The page: what is drawn is asked of the server, and what the server tells is shown.

import { buildBars, showAnswer } from "./answer.js";
import { MOST, Pad } from "./pad.js";
import { paint, inkColours, read } from "./pictures.js";
import { settings, showTraining } from "./training.js";

const find = (selector) => document.querySelector(selector);
const TITLES = {
  nearest: "The training images are read",
  gaussian: "A normal distribution is fitted to each digit",
  logistic: "The logistic regressions are fitted",
  perceptron: "The perceptron is trained",
  convolutional: "The convolutional network is trained",
};

let news = { preparing: null, models: {}, training: null, failed: null, examples: 0 };
let question = null; // {strokes} or {example}, or null where nothing is drawn
let answer = null;
let asking = false;
let again = false;

const chosen = () => find("#networks :checked").value;

const GONE = "The server does not answer. Start it again: python -m tinygrad_mnist.playground";
const troubles = new Map();

/** Show what is wrong with a part of the page, or with an empty sentence that nothing is any more. */
function trouble(part, sentence) {
  troubles.set(part, sentence);
  const sentences = new Set([...troubles.values()].filter(Boolean));
  find("#trouble").textContent = [...sentences].join(" ");
  find("#trouble").hidden = !sentences.size;
}

async function post(path, body) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error(GONE);
  }
  const found = await response.json();
  if (!response.ok) throw new Error(`The server refuses: ${found.error}.`);
  return found;
}

/** Whether an answer to one question may be shown for the other: a stroke may have grown since. */
const alike = (one, other) => Boolean(one) === Boolean(other) && Boolean(one?.strokes) === Boolean(other?.strokes);

/** Ask about what is drawn. One question is under way at a time; the last one counts. */
async function ask() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  find("#answer").ariaBusy = "true";
  do {
    again = false;
    const asked = question;
    try {
      const found = asked && (await post("/api/answer", { network: chosen(), ...asked }));
      if (alike(asked, question)) {
        answer = found;
        show();
      }
      trouble("answer", "");
    } catch (error) {
      trouble("answer", error.message);
    }
  } while (again);
  asking = false;
  find("#answer").ariaBusy = "false";
}

function show() {
  showAnswer(answer, chosen(), news.models);
  if (answer && question?.example !== undefined) {
    const canvas = document.createElement("canvas");
    paint(canvas, read(answer.image), inkColours());
    pad.show(canvas);
  }
}

const pad = new Pad(find("#pad"), (strokes) => {
  question = strokes.length ? { strokes: structuredClone(strokes) } : null;
  find("#hint").hidden = question !== null;
  const full = strokes.reduce((sum, stroke) => sum + stroke.length, 0) >= MOST;
  trouble("pad", full ? "This drawing has as many points as it may have: undo a stroke, or clear it." : "");
  ask();
});

find("#clear").addEventListener("click", () => pad.clear());
find("#undo").addEventListener("click", () => pad.undo());
find("#example").addEventListener("click", () => {
  question = { example: Math.floor(Math.random() * news.examples) };
  find("#hint").hidden = true;
  ask();
});
find("#networks").addEventListener("change", ask);

find("#training form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await post("/api/train", settings());
    find("#networks [value=yours]").parentElement.hidden = false;
    find("#networks [value=yours]").checked = true;
    trouble("training", "");
    ask();
  } catch (error) {
    trouble("training", error.message);
  }
});
find("#stop").addEventListener("click", () => {
  post("/api/stop", {}).catch((error) => trouble("training", error.message));
});

function listen(state) {
  const before = news;
  news = state;
  find("#preparing").hidden = !state.preparing;
  if (state.preparing) {
    find("#preparing p").textContent = `${TITLES[state.preparing.name]} …`;
    find("#preparing progress").value = state.preparing.share;
  }
  if (state.failed) trouble("preparing", state.failed);
  const training = state.training && !state.training.ended;
  find("#start").disabled = Boolean(state.preparing || state.failed || training);
  find("#stop").disabled = !training;
  find("#networks [value=yours]").parentElement.hidden = !state.training;
  if (!state.training && chosen() === "yours") {
    find("#networks [value=convolutional]").checked = true; // of a server that was started again
    ask();
  }
  showTraining(state.training);
  const more = Object.keys(state.models).length > Object.keys(before.models).length;
  if (more || (state.training && chosen() === "yours")) ask();
}

/** Listen while the page is seen: a browser has six connections for all its pages of a server. */
let source = null;
function connect() {
  source?.close();
  source = null;
  if (document.hidden) return;
  source = new EventSource("/api/news");
  source.addEventListener("message", (event) => listen(JSON.parse(event.data)));
  source.addEventListener("open", () => trouble("news", ""));
  source.addEventListener("error", () => trouble("news", GONE));
}
document.addEventListener("visibilitychange", connect);
connect();

for (const change of ["(prefers-color-scheme: dark)", "(max-width: 68rem)", "(max-width: 44rem)"]) {
  matchMedia(change).addEventListener("change", () => {
    pad.paint();
    show();
    showTraining(news.training);
  });
}

buildBars();
show();
