// The server is published beside this page; ?server=PORT names another port than 8080.
const server = `http://${location.hostname}:${new URLSearchParams(location.search).get("server") ?? 8080}`;
const fields = ["order_id", "product_id", "quantity", "amount", "shipping", "tax", "shipping_address"];
const form = document.getElementById("form");
const say = text => { document.getElementById("message").textContent = text; };
let edited = null;

async function call(path, body) {
  const response = await fetch(server + path, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`The server answers ${response.status}: ${await response.text()}`);
  return response.json();
}

// Runs what a button or the form asks for, then shows the orders as they are now.
async function act(done, action) {
  try {
    await action();
    await show();
    say(done);
  } catch (error) {
    say(error.message);
  }
}

function button(text, label, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = text;
  element.setAttribute("aria-label", label);
  element.addEventListener("click", action);
  return element;
}

async function show() {
  const orders = await call("/orders");
  document.getElementById("orders").replaceChildren(...orders.map(order => {
    const row = document.createElement("tr");
    row.dataset.order = order.order_id;
    for (const field of fields) row.insertCell().textContent = order[field];
    row.insertCell().append(
      button("Edit", `Edit order ${order.order_id}`, () => edit(order)), " ",
      button("Delete", `Delete order ${order.order_id}`, () => act(`Order ${order.order_id} is deleted.`, () => call(`/delete_order?id=${order.order_id}`))));
    return row;
  }));
}

function edit(order) {
  edited = order?.order_id ?? null;
  for (const field of fields) form.elements[field].value = order?.[field] ?? "";
  form.elements.order_id.readOnly = edited !== null;
  document.getElementById("title").textContent = edited === null ? "New order" : `Order ${edited}`;
  document.getElementById("save").textContent = edited === null ? "Create" : "Save";
  if (order) form.elements.product_id.focus();
}

form.addEventListener("submit", event => {
  event.preventDefault();
  const order = Object.fromEntries(fields.map(field => [field, field === "shipping_address" ? form.elements[field].value : Number(form.elements[field].value)]));
  const path = edited === null ? "/create_order" : "/update_order";
  const done = edited === null ? `Order ${order.order_id} is created.` : `Order ${order.order_id} is changed.`;
  act(done, async () => { await call(path, order); edit(null); });
});
form.addEventListener("reset", event => { event.preventDefault(); edit(null); });
document.getElementById("initialize").addEventListener("click", () => act("The database is empty.", () => call("/init")));
act("", () => show());
