// The services' lines as they come. What they say is text, whatever it looks like.
import { element, say } from "./formats.js";

const kept = 5000;
const shown = 1000;
const list = document.getElementById("log-lines");
const search = document.getElementById("log-search");
const service = document.getElementById("log-service");
const follow = document.getElementById("log-follow");
const number = document.getElementById("log-count");
const names = [];
let lines = [];
let fresh = [];
let isScheduled = false;

export function beginLines() {
  lines = [];
  fresh = [];
  list.replaceChildren();
}

export function addLine(line) {
  line.lower = line.text.toLowerCase();
  if (!names.includes(line.service)) {
    names.push(line.service);
    service.append(element("option", line.service));
  }
  lines.push(line);
  fresh.push(line);
  if (lines.length > kept) lines.splice(0, lines.length - kept);

  // Many lines make one change of the page.
  if (!isScheduled) {
    isScheduled = true;
    setTimeout(() => { isScheduled = false; append(fresh); fresh = []; }, 100);
  }
}

const isWanted = line => (service.value === "" || line.service === service.value) && (search.value === "" || line.lower.includes(search.value.toLowerCase()));

function makeLine(line) {
  const made = element("li");
  made.append(element("span", new Date(line.time).toLocaleTimeString("en-GB"), "time"), " ", element("span", `${line.service}-${line.replica}`, "name"), " ");
  const text = element("span", undefined, line.source);
  if (line.source === "wherry") text.append("* ");
  // Where lower case is longer, places differ.
  const wanted = line.lower.length === line.text.length ? search.value.toLowerCase() : "";
  let at = 0;
  for (let found; wanted !== "" && (found = line.lower.indexOf(wanted, at)) >= 0; at = found + wanted.length) {
    text.append(line.text.slice(at, found), element("mark", line.text.slice(found, found + wanted.length)));
  }
  text.append(line.text.slice(at));
  made.append(text);
  return made;
}

function append(more) {
  list.append(...more.filter(isWanted).slice(-shown).map(makeLine));
  while (list.childElementCount > shown) list.firstElementChild.remove();
  if (follow.checked) list.scrollTop = list.scrollHeight;
}

function showAll() {
  list.replaceChildren();
  fresh = [];
  const wanted = lines.filter(isWanted);
  append(lines);
  say(number, search.value === "" && service.value === "" ? "" : `${wanted.length} of ${lines.length} lines`);
}

search.addEventListener("input", showAll);
service.addEventListener("change", showAll);
follow.addEventListener("change", () => { if (follow.checked) list.scrollTop = list.scrollHeight; });
document.getElementById("log-form").addEventListener("submit", event => event.preventDefault());
