// The network's map: who is connected to whom, and how much passes. Columns go from the outside inwards.
import { bytes, count, drawing, element, health, say } from "./formats.js";

const outside = "outside";
const map = document.getElementById("map");
const body = document.querySelector("#link-table tbody");
const egress = document.getElementById("egress-table");
const rows = new Map();
const egressRows = new Map();
const boxWidth = 120;
const boxHeight = 34;
const columnWidth = 240;
const rowHeight = 58;

export function showNetwork(state) {
  const links = state.links.map(link => ({ ...link, from: link.from ?? outside, isBusy: link.open > 0 || link.received + link.sent > 0 }));
  draw(state.services, links);
  fillTable(links);
  fillEgress(state.egress);
}

// A service stands one column behind those that connect to it; circles are cut where they are met.
function depths(services, links) {
  const depth = new Map([[outside, 0], ...services.map(service => [service.name, 1])]);
  for (let round = 0; round < services.length; round++) {
    let hasChanged = false;
    for (const link of links) {
      const wanted = (depth.get(link.from) ?? 0) + 1;
      if (link.from !== link.to && depth.has(link.to) && wanted > depth.get(link.to) && wanted <= services.length) {
        depth.set(link.to, wanted);
        hasChanged = true;
      }
    }
    if (!hasChanged) break;
  }
  return depth;
}

function draw(services, links) {
  const depth = depths(services, links);
  const places = new Map();
  const used = [];
  for (const [name, column] of depth) {
    const row = used[column] = (used[column] ?? -1) + 1;
    places.set(name, { x: 10 + column * columnWidth, y: 10 + row * rowHeight });
  }
  const widest = Math.max(...depth.values());
  const highest = Math.max(0, ...used.filter(row => row !== undefined));
  map.setAttribute("viewBox", `0 0 ${widest * columnWidth + boxWidth + 20} ${highest * rowHeight + boxHeight + 30}`);
  map.style.maxHeight = `${Math.max(12, (highest + 1) * 5)}rem`;
  const parts = [];
  const rates = [];
  for (const link of links) {
    const from = places.get(link.from);
    const to = places.get(link.to);
    if (!from || !to) continue;
    const rate = link.received + link.sent;
    const start = [from.x + boxWidth, from.y + boxHeight / 2];
    const end = [to.x, to.y + boxHeight / 2];
    const bend = Math.max(30, Math.abs(end[0] - start[0]) / 2);
    parts.push(drawing("path", {
      d: `M${start[0]} ${start[1]}C${start[0] + bend} ${start[1]} ${end[0] - bend} ${end[1]} ${end[0]} ${end[1]}`,
      class: link.isBusy ? "busy" : "", "stroke-width": Math.min(10, 1.5 + Math.log10(1 + rate)).toFixed(1),
    }));
    if (link.isBusy) rates.push(drawing("text", { x: (start[0] + end[0]) / 2, y: (start[1] + end[1]) / 2 + 4, "text-anchor": "middle", class: "rate" }, `${bytes(rate)}/s`));
  }
  const byName = new Map(services.map(service => [service.name, service]));
  for (const [name, place] of places) {
    const service = byName.get(name);
    const states = (service?.replicas ?? []).map(health);
    const look = ["bad", "warn", "good"].find(each => states.includes(each)) ?? "";
    parts.push(drawing("rect", { x: place.x, y: place.y, width: boxWidth, height: boxHeight, rx: service ? 5 : 17, class: look }));
    const short = name.length > 15 ? `${name.slice(0, 14)}…` : name;
    parts.push(drawing("text", { x: place.x + boxWidth / 2, y: place.y + boxHeight / 2 + 4, "text-anchor": "middle", class: "name" }, service && service.count !== 1 ? `${short} ×${service.count}` : short));
  }
  map.replaceChildren(...parts, ...rates);
}

function fillTable(links) {
  for (const link of links) {
    const key = `${link.from}\n${link.to}`;
    let row = rows.get(key);
    if (!row) {
      row = body.insertRow();
      row.appendChild(element("th", link.from)).scope = "row";
      row.appendChild(element("td", link.to));
      for (let i = 0; i < 4; i++) row.insertCell().className = "number";
      rows.set(key, row);
    }
    const [, , open, requests, received, sent] = row.children;
    say(open, count(link.open));
    say(requests, count(link.requests));
    say(received, `${bytes(link.received)}/s`);
    say(sent, `${bytes(link.sent)}/s`);
  }
}

function fillEgress(places) {
  egress.hidden = places.length === 0;
  for (const { service, place, count: number } of places) {
    const key = `${service}\n${place}`;
    let row = egressRows.get(key);
    if (!row) {
      row = egress.tBodies[0].insertRow();
      row.appendChild(element("th", service)).scope = "row";
      row.appendChild(element("td", place));
      row.insertCell().className = "number";
      egressRows.set(key, row);
    }
    say(row.children[2], count(number));
  }
}
