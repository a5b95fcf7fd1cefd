// Lines over the last five minutes: one graph for each kind of number, with a table of the same beside it.
import { bytes, count, drawing, duration, element, percent, say } from "./formats.js";

const kept = 300;
const mostSeries = 8;
const kinds = [
  { key: "memory", title: "Memory", format: bytes },
  { key: "cpu", title: "CPU (per cent of a core)", format: percent },
  { key: "connections", title: "Open connections", format: count },
  { key: "latency", title: "Request latency (95 of 100)", format: duration },
];
let times = [];
let series = new Map();

for (const kind of kinds) {
  const figure = element("figure", undefined, "graph");
  figure.dataset.graph = kind.key;
  const caption = element("figcaption");
  caption.append(element("h3", kind.title));
  kind.svg = drawing("svg", { role: "img", "aria-label": `${kind.title}; the table beside it has the numbers` });
  const table = element("table");
  table.append(element("caption", kind.title, "visually-hidden"));
  const head = table.createTHead().insertRow();
  for (const text of ["Service", "Now", "Lowest", "Highest"]) head.appendChild(element("th", text, text === "Service" ? "" : "number")).scope = "col";
  kind.body = table.createTBody();
  kind.rows = new Map();
  figure.append(caption, kind.svg, table);
  document.getElementById("graph-list").append(figure);
}

export function beginGraphs(history) {
  times = history.times;
  series = new Map(Object.entries(history.services));
}

export function addToGraphs(state) {
  // The last state comes with the history too.
  if (times.length > 0 && state.time <= times[times.length - 1]) return draw();
  times.push(state.time);
  for (const service of state.services) {
    if (!series.has(service.name)) series.set(service.name, Object.fromEntries(kinds.map(kind => [kind.key, Array(times.length - 1).fill(null)])));
  }
  const now = new Map(state.services.map(service => [service.name, service]));
  for (const [name, values] of series) {
    for (const kind of kinds) values[kind.key].push(now.get(name)?.[kind.key] ?? null);
  }
  if (times.length > kept) {
    times.shift();
    for (const values of series.values()) for (const kind of kinds) values[kind.key].shift();
  }
  draw();
}

function draw() {
  for (const kind of kinds) {
    const shown = [...series]
      .map(([name, values]) => {
        const known = values[kind.key].filter(value => value !== null);
        return { name, values: values[kind.key], low: Math.min(...known), high: Math.max(...known), isKnown: known.length > 0 };
      })
      .filter(each => each.isKnown)
      .sort((a, b) => b.high - a.high)
      .slice(0, mostSeries);
    // Each service keeps its colour, whatever its rank.
    const names = [...series.keys()];
    for (const each of shown) each.color = names.indexOf(each.name) % 8;
    drawGraph(kind, shown);
    fillTable(kind, shown);
  }
}

function drawGraph(kind, shown) {
  const width = kind.svg.clientWidth || 600;
  const height = kind.svg.clientHeight || 160;
  kind.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const top = Math.max(1e-9, ...shown.map(each => each.high)) * 1.1;
  const first = times[0];
  const span = Math.max(60_000, times[times.length - 1] - first);
  const x = time => ((time - first) / span) * width;
  const y = value => height - 4 - (value / top) * (height - 20);
  const parts = [drawing("line", { class: "axis", x1: 0, x2: width, y1: height - 4, y2: height - 4 }), drawing("line", { class: "axis", x1: 0, x2: width, y1: y(top / 1.1), y2: y(top / 1.1) })];
  for (const each of shown) {
    let path = "";
    let isDown = false;
    each.values.forEach((value, index) => {
      if (value === null) { isDown = false; return; }
      // A number alone would be no line.
      path += `${isDown ? "L" : "M"}${x(times[index]).toFixed(1)} ${y(value).toFixed(1)}${isDown ? "" : "h0.1"}`;
      isDown = true;
    });
    parts.push(drawing("path", { class: `series color-${each.color} dash-${each.color % 5}`, "stroke-linecap": "round", d: path }));
  }
  parts.push(drawing("text", { x: 4, y: y(top / 1.1) - 4 }, shown.length > 0 ? kind.format(top / 1.1) : "nothing yet"));
  kind.svg.replaceChildren(...parts);
}

function fillTable(kind, shown) {
  for (const [name, row] of kind.rows) {
    if (!shown.some(each => each.name === name)) { row.remove(); kind.rows.delete(name); }
  }
  for (const each of shown) {
    let row = kind.rows.get(each.name);
    if (!row) {
      row = kind.body.insertRow();
      const head = row.appendChild(element("th"));
      head.scope = "row";
      const key = drawing("svg", { class: "key", viewBox: "0 0 22 10", "aria-hidden": "true" });
      key.append(drawing("line", { x1: 0, x2: 22, y1: 5, y2: 5, class: `series color-${each.color} dash-${each.color % 5}` }));
      head.append(key, ` ${each.name}`);
      for (let i = 0; i < 3; i++) row.insertCell().className = "number";
      kind.rows.set(each.name, row);
    }
    const [, now, low, high] = row.children;
    say(now, kind.format(each.values[each.values.length - 1]));
    say(low, kind.format(each.low));
    say(high, kind.format(each.high));
  }
}
