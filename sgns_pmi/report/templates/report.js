// Tables: sorted by their headings, filtered, copied as CSV.
for (const grid of document.querySelectorAll(".grid")) {
  const headings = [...grid.querySelectorAll("th")];
  const body = grid.querySelector("tbody");
  const said = grid.querySelector(".said");
  const isNumber = (column) => headings[column].classList.contains("number");
  const value = (row, column) => {
    const cell = row.cells[column];
    if (!isNumber(column)) return cell.textContent;
    const text = cell.dataset.value;
    return text === "" ? NaN : Number(text.replace("inf", "Infinity"));
  };
  const compare = (column) => (a, b) => {
    const [x, y] = [value(a, column), value(b, column)];
    if (!isNumber(column)) return x.localeCompare(y, undefined, { numeric: true });
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
    return x === y ? 0 : x < y ? -1 : 1;
  };
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const falls = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
      const order = compare(column);
      const missing = (row) => isNumber(column) && Number.isNaN(value(row, column));
      // What has no value stands last either way.
      body.append(...[...body.rows].sort((a, b) => (falls && !missing(a) && !missing(b) ? order(b, a) : order(a, b))));
    });
  });
  grid.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of body.rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    said.textContent = `${shown} of ${body.rows.length} rows`;
  });
  grid.querySelector(".copy").addEventListener("click", async () => {
    const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const rows = [...body.rows].filter((row) => !row.hidden);
    const text = (cell, column) => (isNumber(column) ? cell.dataset.value : cell.textContent);
    const lines = [headings.map((heading) => heading.textContent), ...rows.map((row) => [...row.cells].map(text))];
    const csv = lines.map((line) => line.map((cell) => quoted(cell.trim())).join(",")).join("\n") + "\n";
    said.textContent = (await copied(csv)) ? `${rows.length} rows copied` : "the browser did not allow it";
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // A page that was opened as a file may have no clipboard of its own.
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = text;
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

// Charts: as wide as there is room, drawn again where that changes.
const holder = document.getElementById("data");
const data = holder ? JSON.parse(holder.textContent) : { charts: [], cells: null };
const font = getComputedStyle(document.body).fontFamily;
const config = {
  background: null,
  font,
  view: { stroke: "transparent" },
  axis: { labelColor: "currentColor", titleColor: "currentColor", labelFontSize: 12, titleFontSize: 12, gridColor: "#8883", domainColor: "#888", tickColor: "#888", titleFontWeight: 500 },
  legend: { labelFontSize: 12, labelColor: "currentColor", orient: "bottom", labelLimit: 220, symbolOpacity: 1 },
  header: { labelColor: "currentColor", labelFontSize: 13, labelFontWeight: 600 },
  facet: { spacing: 18 },
};
let job = 0;

/** A specification with the width that there is: panels side by side as they fit. */
function fitted(chart, room, panels) {
  const spec = structuredClone(chart);
  const narrow = room < 600;
  if (!spec.facet) return { ...spec, width: "container", autosize: { type: "fit-x", contains: "padding" }, config: legends(room) };
  const most = Math.max(1, Math.min(panels, Math.floor(room / (narrow ? 320 : 260))));
  const columns = Math.ceil(panels / Math.ceil(panels / most)); // rows as even as can be
  spec.columns = columns;
  const own = spec.resolve ? 62 : 18; // Panels with axes of their own need room for each.
  spec.spec.width = Math.floor((room - 70) / columns - own);
  spec.spec.height = Math.round(Math.min(420, Math.max(spec.spec.height, 0.75 * spec.spec.width)));
  return { ...spec, config: legends(room) };
}

function legends(room) {
  return { ...config, legend: { ...config.legend, columns: Math.max(1, Math.floor(room / 170)) } };
}

/** One row for each cell and method of a job. */
function rows(cells) {
  return Object.entries(cells.estimates).flatMap(([method, estimates]) =>
    estimates.map((estimate, i) => ({
      method,
      estimate,
      target: cells.target[i],
      count: cells.count[i],
      center: cells.center?.[i],
      context: cells.context?.[i],
    })),
  ).filter((row) => row.estimate !== null && row.target !== null);
}

const views = new Map();
async function draw() {
  for (const [index, chart] of data.charts.entries()) {
    const figure = document.getElementById(data.names[index]);
    const plot = figure.querySelector(".plot");
    const spec = fitted(chart, plot.clientWidth, data.panels[index]);
    if (spec.data.name === "cells") spec.data.values = rows(data.cells.jobs[job]);
    views.get(index)?.finalize();
    const { view } = await vegaEmbed(plot, spec, { renderer: "svg", actions: { export: { svg: true, png: false }, source: false, compiled: false, editor: false } });
    views.set(index, view);
    figure.dataset.drawn = "true";
  }
}

for (const button of document.querySelectorAll("[data-zoom]")) {
  button.addEventListener("click", () => {
    const figure = button.closest("figure");
    const view = views.get(data.names.indexOf(figure.id));
    const factor = Number(button.dataset.zoom);
    figure.dataset.fields.split(",").forEach((field, axis) => {
      const [low, high] = view.scale("xy"[axis]).domain();
      const [middle, half] = [(low + high) / 2, (factor * (high - low)) / 2];
      view.signal(`zoom_${field}`, factor === 0 ? null : [middle - half, middle + half]);
    });
    view.runAsync();
  });
}

// A slider for each swept key; the job is the one with all their values.
const settings = data.cells?.settings ?? [];
const sliders = document.querySelector(".sliders");
if (settings.length > 1) {
  const keys = Object.keys(settings[0]);
  const levels = Object.fromEntries(keys.map((key) => [key, [...new Map(settings.map((own) => [JSON.stringify(own[key]), own[key]])).keys()]]));
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  const inputs = keys.map((key) => {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const output = document.createElement("output");
    Object.assign(input, { type: "range", min: 0, max: levels[key].length - 1, step: 1, value: 0 });
    label.append(`${key} `, input, output);
    sliders.append(label);
    input.addEventListener("input", choose);
    return { key, input, output };
  });
  sliders.append(said);
  function choose() {
    for (const { key, input, output } of inputs) {
      const text = levels[key][input.value].replace(/^"|"$/g, "");
      output.value = text;
      input.setAttribute("aria-valuetext", text);
    }
    const found = settings.findIndex((own) => inputs.every(({ key, input }) => JSON.stringify(own[key]) === levels[key][input.value]));
    said.textContent = found < 0 ? "no such job" : "";
    if (found < 0 || found === job) return;
    job = found;
    const view = views.get(data.charts.findIndex((chart) => chart.data?.name === "cells"));
    view?.data("cells", rows(data.cells.jobs[job])).runAsync();
  }
  choose();
}

let room = 0;
let waiting = 0;
new ResizeObserver(() => {
  const now = document.querySelector("main").clientWidth;
  if (now === room) return;
  room = now;
  clearTimeout(waiting);
  waiting = setTimeout(draw, 100);
}).observe(document.querySelector("main"));
