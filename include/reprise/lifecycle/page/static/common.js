// What every tab uses. Text enters the page as text alone: nothing a listener typed can become markup.

export function element(name, options = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key in made && key !== "list") made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return element("dl", { className: "facts" },
    ...shown.flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value instanceof Node ? value : String(value))]));
}

export function table(heads, rows, caption) {
  const cell = (kind, value, number) => element(kind, number ? { className: "number" } : {}, value instanceof Node ? value : String(value ?? ""));
  return element("div", { className: "scroll" }, element("table", { "aria-label": caption },
    element("thead", {}, element("tr", {}, ...heads.map(([text, number]) => {
      const head = cell("th", text, number);
      head.scope = "col";
      return head;
    }))),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((value, n) => cell("td", value, heads[n][1])))))));
}

export function notice(text, bad = false) {
  const place = document.getElementById("notice");
  place.textContent = text;
  place.className = bad ? "bad" : "";
}

// The page lies one step below Airflow's own base, so that a path before both does no harm.
export async function ask(path, options = {}) {
  const { body, method = body ? "POST" : "GET" } = options;
  const answer = await fetch(path, {
    method,
    headers: body ? { "content-type": "application/json" } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  const text = await answer.text();
  let said = {};
  try { said = JSON.parse(text); } catch { said = {}; }
  if (answer.ok) return said;
  if (answer.status === 401) throw new Error("You are logged out: log in to Airflow and reload this page.");
  if (answer.status === 403) throw new Error(detail(said) || "You may not do this: ask for the right in Airflow.");
  throw new Error(said.problem ? [said.problem, said.remedy].filter(Boolean).join(" → ") : detail(said) || `${path}: ${answer.status}`);
}

function detail(said) {
  return typeof said.detail === "string" ? said.detail : said.detail ? JSON.stringify(said.detail) : "";
}

export const own = (path, values) => ask(`api/${path}?${new URLSearchParams(values)}`);
export const airflow = (path, options) => ask(`../api/v2/${path}`, options);
export const link = (text, href) => (href ? element("a", { href, target: "_blank", rel: "noopener" }, text) : text);
export const day = (text) => (text ? `${text.slice(0, 10)} ${text.slice(11, 16)} UTC` : "");
export const points = (value) => (value === null || value === undefined ? "" : `${value >= 0 ? "+" : "−"}${Math.abs(100 * value).toFixed(2)}`);
export const gain = (difference, lower, upper) => (difference === null || difference === undefined ? "" : `${points(difference)} (${points(lower)} to ${points(upper)})`);
