import { ask, element, notice } from "./common.js";
import { show as live } from "./live.js";
import { show as compare } from "./compare.js";
import { show as history } from "./history.js";

const tabs = { live, compare, history };
const chooser = document.getElementById("deployment");
let me = "";
let fallback = "";

async function open(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const chosen = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(chosen));
    tab.tabIndex = chosen ? 0 : -1;
    document.getElementById(tab.getAttribute("aria-controls")).hidden = !chosen;
  }
  window.history.replaceState(null, "", `#${name}`);
  notice("");
  const place = document.getElementById(name);
  place.setAttribute("aria-busy", "true");
  try {
    await tabs[name](place, { deployment: chooser.value, user: me, fallback });
  } catch (error) {
    notice(error.message, true);
  }
  place.removeAttribute("aria-busy");
}

const current = () => document.querySelector("[role=tab][aria-selected=true]").getAttribute("aria-controls");

for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.addEventListener("click", () => open(tab.getAttribute("aria-controls")));
  tab.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = [...document.querySelectorAll("[role=tab]")];
    const next = all[(all.indexOf(tab) + step + all.length) % all.length];
    next.focus();
    next.click();
  });
}
chooser.addEventListener("change", () => open(current()));
window.addEventListener("hashchange", () => { if (location.hash.slice(1) in tabs) open(location.hash.slice(1)); });

try {
  const found = await ask("api/deployments");
  me = found.user;
  fallback = found.default;
  chooser.append(...found.deployments.map((name) => element("option", { value: name }, name)));
  const wanted = new URLSearchParams(location.search).get("deployment");
  if (found.deployments.includes(wanted)) chooser.value = wanted;
  const asked = location.hash.slice(1);
  await open(asked in tabs ? asked : "live");
} catch (error) {
  notice(error.message, true);
}
