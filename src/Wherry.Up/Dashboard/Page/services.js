// The table of services, with its buttons. Rows stay what they are while their numbers change, so that the focus stays where it is.
import { bytes, count, duration, element, health, percent, say } from "./formats.js";

const body = document.querySelector("#service-table tbody");
const message = document.getElementById("message");
const rows = new Map();

function tell(text, isBad) {
  message.textContent = text;
  message.toggleAttribute("data-bad", isBad);
}

async function act(button, name, action, doing, done, details) {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  tell(`${name} is being ${doing}…`, false);
  try {
    const response = await fetch(`/services/${encodeURIComponent(name)}/${action}`, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(details ?? {}),
    });
    if (response.ok) tell(`${name} was ${done}.`, false);
    else tell(`${name}: ${await response.text() || `the answer is ${response.status}`}`, true);
  } catch {
    tell(`${name}: the project does not answer.`, true);
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

function button(text, name, press) {
  const made = element("button", text);
  made.type = "button";
  made.setAttribute("aria-label", `${text} ${name}`);
  made.addEventListener("click", () => press(made));
  return made;
}

function cells(row, classes) {
  return classes.map(each => row.appendChild(element("td", "", each)));
}

function makeRow(service) {
  const row = element("tr");
  row.dataset.service = service.name;
  const head = row.appendChild(element("th", service.name));
  head.scope = "row";
  head.append(" ", element("small", service.kind));
  const values = cells(row, ["", "", "number", "number", "number", "number", "number", "number", ""]);
  const actions = row.appendChild(element("td")).appendChild(element("div", undefined, "actions"));
  const toggle = button("Stop", service.name, pressed => toggle.dataset.action === "start"
    ? act(pressed, service.name, "start", "started", "started")
    : act(pressed, service.name, "stop", "stopped", "stopped"));
  actions.append(button("Restart", service.name, pressed => act(pressed, service.name, "restart", "restarted", "restarted")), toggle);
  if (service.kind === "guest") actions.append(makeScale(service));
  return { row, values, toggle, replicas: new Map() };
}

function makeScale(service) {
  const form = element("form");
  const input = element("input");
  input.type = "number";
  input.min = "0";
  input.max = "10000";
  input.required = true;
  input.value = String(service.count);
  input.setAttribute("aria-label", `Replicas of ${service.name}`);
  const submit = element("button", "Scale");
  submit.setAttribute("aria-label", `Scale ${service.name}`);
  form.append(input, submit);
  form.addEventListener("submit", event => {
    event.preventDefault();
    act(submit, service.name, "scale", "scaled", `scaled to ${input.value}`, { replicas: Number(input.value) });
  });
  return form;
}

function stateOf(replica) {
  return replica.state === "exited" && replica.exitCode !== null ? `exited (${replica.exitCode})` : replica.state;
}

// What most replicas do, or all the things that they do.
function summary(replicas, value) {
  const counts = new Map();
  for (const replica of replicas) counts.set(value(replica), (counts.get(value(replica)) ?? 0) + 1);
  counts.delete(null);
  if (counts.size === 0) return "–";
  return [...counts].map(([text, number]) => replicas.length === 1 || counts.size === 1 ? text : `${number} ${text}`).join(", ");
}

function worst(replicas) {
  const all = replicas.map(health);
  return ["bad", "warn", "good"].find(each => all.includes(each)) ?? "";
}

export function showServices(services) {
  const names = new Set(services.map(service => service.name));
  for (const [name, entry] of rows) {
    if (!names.has(name)) { entry.row.remove(); rows.delete(name); }
  }
  for (const service of services) {
    let entry = rows.get(service.name);
    if (!entry) {
      entry = makeRow(service);
      rows.set(service.name, entry);
      body.append(entry.row);
    }
    const [state, check, restarts, memory, cpu, connections, requests, latency, ports] = entry.values;
    say(state, service.count === 0 ? "no replicas" : summary(service.replicas, stateOf));
    state.className = worst(service.replicas);
    say(check, summary(service.replicas, replica => replica.health));
    check.className = service.replicas.some(replica => replica.health === "unhealthy") ? "bad" : "";
    say(restarts, count(service.replicas.reduce((sum, replica) => sum + replica.restarts, 0)));
    say(memory, bytes(service.memory));
    say(cpu, percent(service.cpu));
    say(connections, count(service.connections));
    say(requests, count(service.requests));
    say(latency, duration(service.latency));
    say(ports, service.ports.join(", ") || "–");
    const isStopped = service.replicas.every(replica => replica.state === "exited" || replica.state === "created");
    entry.toggle.dataset.action = isStopped ? "start" : "stop";
    say(entry.toggle, isStopped ? "Start" : "Stop");
    entry.toggle.setAttribute("aria-label", `${isStopped ? "Start" : "Stop"} ${service.name}`);
    showReplicas(entry, service);
  }
}

// Replicas have rows of their own where there are several.
function showReplicas(entry, service) {
  const shown = service.count > 1 ? service.replicas : [];
  const numbers = new Set(shown.map(replica => replica.replica));
  for (const [number, row] of entry.replicas) {
    if (!numbers.has(number)) { row.remove(); entry.replicas.delete(number); }
  }
  let before = entry.row;
  for (const replica of shown) {
    let row = entry.replicas.get(replica.replica);
    if (!row) {
      row = element("tr", undefined, "replica");
      row.appendChild(element("th", `${service.name}-${replica.replica}`)).scope = "row";
      cells(row, ["", "", "number", "number", "number", "number", "number", "number", "", ""]);
      entry.replicas.set(replica.replica, row);
      before.after(row);
    }
    before = row;
    const [, state, check, restarts, memory] = row.children;
    say(state, stateOf(replica));
    state.className = health(replica);
    say(check, replica.health ?? "–");
    say(restarts, count(replica.restarts));
    say(memory, bytes(replica.memory));
  }
}
