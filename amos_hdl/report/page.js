// Draws the charts of the page, and lets an image travel through the layers clock by clock.
const data = JSON.parse(document.getElementById("data").textContent);
const raster = data.raster;
const find = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const views = new Map();

// names of colours in a specification become the colours that the style sheet gives them now
function coloured(specification) {
  const style = getComputedStyle(document.documentElement);
  const text = JSON.stringify(specification).replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
  return JSON.parse(text);
}

const config = {
  background: "transparent",
  font: getComputedStyle(document.body).fontFamily,
  view: { stroke: null },
  axis: {
    labelColor: "var(--muted)", titleColor: "var(--muted)", titleFontWeight: 400, titleFontSize: 12, labelFontSize: 11,
    gridColor: "var(--line)", domainColor: "var(--line)", tickColor: "var(--line)", titlePadding: 8,
  },
  text: { fontSize: 12 },
};

async function draw(name) {
  const place = document.querySelector(`[data-chart="${name}"]`);
  const result = await vegaEmbed(place, coloured(data.charts[name]), {
    config: coloured(config), actions: false, renderer: "svg", ast: true, mode: "vega-lite",
    tooltip: { theme: dark.matches ? "dark" : "light" },
  });
  views.get(name)?.finalize();
  views.set(name, result.view);
}

// ---- one image, clock by clock
let clock = raster.latency;
let image = 0;
let timer = null;

const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

function slots(spikes) {
  const all = [], spiked = [];
  let bit = 0;
  // two pixels at the least, however many clock cycles there are
  const least = raster.latency / 800;
  for (const lane of raster.lanes) {
    const pitch = (lane.bottom - lane.top) / lane.units.length;
    // gates of one cycle stand side by side
    const places = lane.cycles.map((cycle, gate) => {
      const beside = lane.cycles.filter((other) => other === cycle).length;
      const width = Math.min(0.36, 0.86 / beside);
      const middle = cycle + (gate - lane.cycles.indexOf(cycle) - (beside - 1) / 2) * width;
      const half = Math.max(width * 0.45, least);
      return { cycle, gate: gate + 1, from: middle - half, to: middle + half };
    });
    lane.units.forEach((unit, row) => {
      places.forEach((place) => {
        const cycle = place.cycle + lane.later[row], from = place.from + lane.later[row], to = place.to + lane.later[row];
        const slot = { ...place, cycle, from, to, y: lane.top + (row + 0.5) * pitch, lane: lane.name, unit };
        all.push(slot);
        if (spikes && (spikes[bit >> 3] >> (bit & 7)) & 1) spiked.push(slot);
        bit += 1;
      });
    });
  }
  return { all, spiked };
}

function drawPicture(shown) {
  const canvas = find("picture");
  if (!shown.picture) return;
  const [channels, rows, columns] = raster.shape;
  const pixels = bytes(shown.picture);
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const picture = context.createImageData(columns, rows);
  for (let at = 0; at < rows * columns; at += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      // one channel is ink on paper, three are red, green and blue
      picture.data[at * 4 + colour] = channels === 3 ? pixels[colour * rows * columns + at] : 255 - pixels[at];
    }
    picture.data[at * 4 + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

function showScores(shown) {
  const list = find("scores");
  if (!list || !shown.scores) return;
  const visible = clock >= raster.ready.scores;
  const low = Math.min(0, ...shown.scores), high = Math.max(...shown.scores, low + 1);
  const order = shown.scores.map((score, number) => [number, score]);
  const few = order.length <= 12 ? order : order.sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 10);
  list.replaceChildren(...few.map(([number, score]) => {
    const item = document.createElement("li"), name = document.createElement("span");
    const bar = document.createElement("span"), value = document.createElement("b");
    name.textContent = number;
    bar.className = "bar";
    bar.style.width = visible ? `${(100 * (score - low)) / (high - low)}%` : "0";
    value.textContent = visible ? score : "";
    item.className = clock >= raster.ready.answer && number === shown.answer ? "best" : "";
    item.append(name, bar, value);
    return item;
  }));
}

function showClock() {
  const shown = raster.images[image];
  find("clock").value = clock;
  find("clock-text").textContent = `${clock} of ${raster.latency}`;
  const working = raster.lanes.filter((lane) => lane.start < clock && clock <= lane.end).map((lane) => lane.name);
  let doing = working.length ? `At work: ${working.join(", ")}.` : "";
  const next = raster.interval === 1 ? "in the next clock cycle" : `${raster.interval} clock cycles later`;
  if (clock === 0) doing = `The image is at the input; the next may follow ${next}.`;
  if (clock === raster.latency) doing = "The result is there.";
  find("doing").textContent = doing;
  const answer = find("answer");
  if (answer) {
    const known = clock >= raster.ready.answer;
    answer.textContent = known ? shown.answer : "–";
    answer.className = known ? (shown.answer === shown.label ? "right" : "wrong") : "";
  }
  showScores(shown);
  views.get("raster")?.signal("now", clock).run();
}

function showImage() {
  const shown = raster.images[image];
  find("image").value = image + 1;
  find("image-text").textContent = `${image + 1} of ${raster.images.length}`;
  find("label").textContent = shown.label;
  find("about").textContent = `Test image ${shown.number}; ${shown.count.toLocaleString("en")} spikes.`;
  drawPicture(shown);
  const { all, spiked } = slots(bytes(shown.spikes));
  views.get("raster")?.data("slots", all).data("spikes", spiked).run();
  showClock();
}

function stop() {
  clearInterval(timer);
  timer = null;
  find("play").textContent = "▶ Play";
}

function step(by) {
  stop();
  clock = Math.min(raster.latency, Math.max(0, clock + by));
  showClock();
}

function play() {
  if (timer !== null) return stop();
  if (clock >= raster.latency) clock = 0;
  find("play").textContent = "❚❚ Pause";
  showClock();
  timer = setInterval(() => {
    clock += 1;
    showClock();
    if (clock >= raster.latency) stop();
  }, Number(find("play").dataset.ms));
}

find("play").addEventListener("click", play);
find("back").addEventListener("click", () => step(-1));
find("forward").addEventListener("click", () => step(1));
find("clock").addEventListener("input", (event) => { stop(); clock = Number(event.target.value); showClock(); });
find("image").addEventListener("input", (event) => { image = Number(event.target.value) - 1; showImage(); });

async function drawAll() {
  for (const name of Object.keys(data.charts)) await draw(name);
  showImage();
  document.documentElement.dataset.drawn = Object.keys(data.charts).length;
}

dark.addEventListener("change", drawAll);
drawAll();
