// Arrays as pictures. The server sends tiles: count, height, width, and whole numbers from -127 to 127.

/** Read tiles: the same object, with its numbers as an Int8Array. */
export function read(tiles) {
  const bytes = Uint8Array.from(atob(tiles.numbers), (letter) => letter.charCodeAt(0));
  return { ...tiles, numbers: new Int8Array(bytes.buffer) };
}

function colour(name) {
  const text = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  return [1, 3, 5].map((start) => parseInt(text.slice(start, start + 2), 16));
}

const mix = (from, to, share) => from.map((value, i) => value + (to[i] - value) * share);

/** From paper to ink, for images. */
export function inkColours() {
  const [paper, ink] = [colour("--paper"), colour("--ink")];
  return (share) => mix(paper, ink, Math.abs(share));
}

/** From blue over paper to orange, for numbers with a sign. */
export function signColours() {
  const [paper, plus, minus] = [colour("--cell"), colour("--plus"), colour("--minus")];
  return (share) => mix(paper, share < 0 ? minus : plus, Math.abs(share));
}

/** The same over a faint image, so that one sees where the ink is. */
export function signColoursOver(image) {
  const [paper, ink, plus, minus] = ["--paper", "--ink", "--plus", "--minus"].map(colour);
  return (share, i) => {
    const ground = mix(paper, ink, 0.28 * (image.numbers[i] / 127));
    return mix(ground, share < 0 ? minus : plus, Math.abs(share));
  };
}

/** Return tiles as canvases of one pixel for each number. */
function plain(tiles, colours) {
  const { count, height, width, numbers } = tiles;
  return Array.from({ length: count }, (_, tile) => {
    const image = new ImageData(width, height);
    for (let i = 0; i < height * width; i++) {
      const [r, g, b] = colours(numbers[tile * height * width + i] / 127, i);
      image.data.set([r, g, b, 255], 4 * i);
    }
    const canvas = new OffscreenCanvas(width, height);
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  });
}

/** Paint one tile, a pixel for each number; CSS says how large it is. */
export function paint(canvas, tiles, colours) {
  const [picture] = plain(tiles, colours);
  canvas.width = tiles.width;
  canvas.height = tiles.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

/**
 * Paint all tiles side by side, each number as a square of `zoom` pixels; `name` says what a tile is
 * called where the pointer rests.
 */
export function paintAll(canvas, tiles, colours, { columns, zoom, name = "unit", labels = false }) {
  const { count, height, width } = tiles;
  const gap = 2;
  const step = [width * zoom + gap, height * zoom + gap];
  const foot = labels ? 16 : 0;
  columns = Math.min(columns, count);
  const size = [columns * step[0] - gap, Math.ceil(count / columns) * step[1] - gap + foot];
  const scale = Math.ceil(devicePixelRatio);
  [canvas.width, canvas.height] = size.map((length) => length * scale);
  canvas.style.width = `${size[0]}px`;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.imageSmoothingEnabled = false;
  plain(tiles, colours).forEach((picture, i) => {
    const [x, y] = [(i % columns) * step[0], Math.floor(i / columns) * step[1]];
    context.drawImage(picture, x, y, width * zoom, height * zoom);
  });
  if (labels) {
    context.fillStyle = getComputedStyle(canvas).color;
    context.font = `12px ${getComputedStyle(canvas).fontFamily}`;
    context.textAlign = "center";
    for (let i = 0; i < count; i++) context.fillText(i, i * step[0] + (width * zoom) / 2, size[1] - 2);
  }
  canvas.onpointermove = (event) => {
    const at = (offset, length, full) => Math.floor((offset / length) * full);
    const [x, y] = [at(event.offsetX, canvas.clientWidth, size[0]), at(event.offsetY, canvas.clientHeight, size[1])];
    const tile = Math.floor(y / step[1]) * columns + Math.floor(x / step[0]);
    const [column, row] = [Math.floor((x % step[0]) / zoom), Math.floor((y % step[1]) / zoom)];
    const there = tile < count && column < width && row < height;
    const value = (tiles.numbers[(tile * height + row) * width + column] / 127) * tiles.largest;
    const place = height * width > 1 ? `, row ${row}, column ${column}` : "";
    canvas.title = there ? `${name} ${tile}${place}: ${value.toPrecision(2)}` : "";
  };
}
