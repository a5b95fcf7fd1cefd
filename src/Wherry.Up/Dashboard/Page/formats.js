// Numbers as people read them, and elements from text. Text goes into textContent only: guests write what they like.
export function bytes(count) {
  if (count === null || count === undefined) return "–";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (count >= 1024 && unit < units.length - 1) { count /= 1024; unit++; }
  return `${count.toFixed(unit === 0 || count >= 100 ? 0 : 1)} ${units[unit]}`;
}

export const percent = cores => cores === null || cores === undefined ? "–" : `${(cores * 100).toFixed(cores < 0.1 ? 1 : 0)} %`;

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.001) return `${(seconds * 1e6).toFixed(0)} µs`;
  return seconds < 1 ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms` : `${seconds.toFixed(1)} s`;
}

export const count = value => value === null || value === undefined ? "–" : value < 10 && value % 1 !== 0 ? value.toFixed(1) : Math.round(value).toLocaleString("en");

export function element(name, text, classes) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (classes) made.className = classes;
  return made;
}

export function drawing(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// Changes a text only if it is another one: what has not changed is neither drawn nor announced again.
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

// How a service is, in one word.
export function health(replica) {
  if (replica.health === "unhealthy" || (replica.state === "exited" && replica.exitCode) || replica.state === "restarting") return "bad";
  if (replica.state === "running" && replica.health !== "starting") return "good";
  return replica.state === "exited" || replica.state === "idle" ? "" : "warn";
}
