// Listens to the project's events and gives them to the parts of the page.
import { say } from "./formats.js";
import { showServices } from "./services.js";
import { beginGraphs, addToGraphs } from "./graphs.js";
import { showNetwork } from "./map.js";
import { addLine, beginLines } from "./logs.js";

const connection = document.getElementById("connection");
const theme = document.getElementById("theme");

function tell(text, isLost) {
  say(connection, text);
  connection.toggleAttribute("data-lost", isLost);
}

function setTheme(value) {
  if (value) document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
}

theme.value = localStorage.getItem("theme") ?? "";
setTheme(theme.value);
theme.addEventListener("change", () => {
  localStorage.setItem("theme", theme.value);
  setTheme(theme.value);
});

const events = new EventSource("/events");
events.addEventListener("open", () => { beginLines(); tell("Live", false); });
events.addEventListener("error", () => tell(events.readyState === EventSource.CLOSED ? "The project or this session has ended: wherry dashboard gives a new link." : "The connection is lost; trying again…", true));
events.addEventListener("history", event => beginGraphs(JSON.parse(event.data)));
events.addEventListener("log", event => addLine(JSON.parse(event.data)));
events.addEventListener("state", event => {
  const state = JSON.parse(event.data);
  document.title = `${state.project} – Wherry`;
  say(document.getElementById("project"), state.project);
  const hidden = document.getElementById("hidden");
  hidden.hidden = state.hidden === 0;
  say(hidden, `${state.hidden} more services are not shown.`);
  showServices(state.services);
  addToGraphs(state);
  showNetwork(state);
});
