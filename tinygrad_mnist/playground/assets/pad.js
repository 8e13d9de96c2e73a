// The pad: strokes that are drawn with mouse, pen or finger.

const WIDTH = 0.07; // of a line, where the pad's side is 1
const STEP = 0.004; // the least distance between two points
export const MOST = 4000; // points that the server takes

export class Pad {
  /** `changed` is called with the strokes, lists of points from 0 to 1, whenever they change. */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.changed = changed;
    this.strokes = [];
    this.picture = null;
    this.pointer = null;
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
      canvas.addEventListener(end, (event) => {
        if (event.pointerId === this.pointer) this.pointer = null;
      });
    }
    new ResizeObserver(() => this.paint()).observe(canvas);
  }

  begin(event) {
    if (this.pointer !== null || event.button !== 0) return;
    event.preventDefault();
    this.pointer = event.pointerId;
    this.canvas.setPointerCapture(event.pointerId);
    this.picture = null;
    this.strokes.push([]);
    this.add([event]);
  }

  move(event) {
    if (event.pointerId !== this.pointer) return;
    const between = event.getCoalescedEvents?.() ?? [];
    this.add(between.length ? between : [event]);
  }

  add(events) {
    const box = this.canvas.getBoundingClientRect();
    const stroke = this.strokes.at(-1);
    const room = MOST - this.strokes.reduce((sum, other) => sum + other.length, 0);
    const clip = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4;
    const before = stroke.length;
    for (const event of events) {
      const x = clip((event.clientX - box.left) / box.width);
      const y = clip((event.clientY - box.top) / box.height);
      const last = stroke.at(-1);
      if (last && Math.hypot(x - last[0], y - last[1]) < STEP) continue;
      if (stroke.length - before >= room) break;
      stroke.push([x, y]);
    }
    if (!stroke.length) this.strokes.pop();
    if (stroke.length > before) this.update();
  }

  undo() {
    this.pointer = this.picture = null;
    this.strokes.pop();
    this.update();
  }

  clear() {
    this.pointer = this.picture = null;
    this.strokes = [];
    this.update();
  }

  /** Show a picture, a canvas, in the place of strokes. */
  show(picture) {
    this.pointer = null;
    this.strokes = [];
    this.picture = picture;
    this.paint();
  }

  update() {
    this.paint();
    this.changed(this.strokes);
  }

  paint() {
    const { canvas, context } = this;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== side) canvas.width = canvas.height = side;
    context.clearRect(0, 0, side, side);
    if (this.picture) {
      context.imageSmoothingEnabled = false;
      context.drawImage(this.picture, 0, 0, side, side);
    }
    context.strokeStyle = getComputedStyle(canvas).getPropertyValue("--ink");
    context.lineWidth = WIDTH * side;
    context.lineCap = context.lineJoin = "round";
    for (const stroke of this.strokes) {
      context.beginPath();
      const [first, ...others] = stroke.map(([x, y]) => [x * side, y * side]);
      context.moveTo(...first);
      if (!others.length) context.lineTo(...first);
      others.forEach((point, i) => {
        const next = others[i + 1]; // through the middles, so that corners are round
        if (next) context.quadraticCurveTo(...point, (point[0] + next[0]) / 2, (point[1] + next[1]) / 2);
        else context.lineTo(...point);
      });
      context.stroke();
    }
  }
}
