import { airflow, day, element, facts, notice, own, table } from "./common.js";

export async function show(place, { deployment }) {
  const found = await own("live", { deployment });
  const now = found.live;
  const old = now && found.age_days !== null && found.age_days >= found.old_after_days;
  const age = found.age_days === null ? "learned nothing: the engine's own order" : `${found.age_days} days${old ? ` – old: a refresh is due after ${found.old_after_days}` : ""}`;
  place.replaceChildren(
    element("div", { className: "card" },
      element("h2", {}, now ? `Release ${now.number} is live` : "What is live is no recorded release"),
      now ? facts([
        ["model", now.model],
        ["family", now.family],
        ["since", day(found.since)],
        ["age of what it learned", age],
        ["learned until", now.trained_until],
        ["approved by", now.approver],
        ["MLflow run", now.mlflow_run],
        ["previous", found.previous === null || found.previous === now.number ? "" : `release ${found.previous}`],
        ["lanes", Object.entries(found.lanes).map(([name, release]) => `${name}: ${release === null ? "no release" : `release ${release}`}`).join(", ")],
      ]) : element("p", {}, "Somebody changed Solr's parameters by hand. Rolling back to any release sets it right.")),
    element("div", { className: "card" },
      element("h2", {}, found.agreed ? "Every replica agrees" : "The replicas do not agree"),
      table([["replica"], ["release", true], [""]], found.replicas.map((one) => [one.url, one.release ?? "?", one.trouble || "ok"]), "Replicas")),
    rollback(place, deployment, found),
    !found.switches.length ? "" : element("div", { className: "card" },
      element("h2", {}, "Switches"),
      table([["when"], ["what"], ["from", true], ["to", true], ["by"], ["reason"]],
        found.switches.map((one) => [day(one.at), one.action, one.from_release, one.to_release, one.by, one.reason]), "Switches")));
}

function rollback(place, deployment, found) {
  const others = found.releases.filter((one) => !one.pruned && one.number !== found.live?.number);
  const choice = element("select", { id: "to" }, ...others.map((one) => element("option", { value: one.number },
    `release ${one.number} · ${one.family || "engine order"} · ${one.time.slice(0, 10)}`)));
  if (others.some((one) => one.number === found.previous)) choice.value = found.previous;
  const reason = element("input", { id: "reason", maxLength: 500, required: true, placeholder: "Why?" });
  const ask = element("button", { className: "danger", type: "submit" }, "Roll back");
  const form = element("form", { className: "row", onsubmit: (event) => {
    event.preventDefault();
    confirm(place, deployment, found, Number(choice.value), reason.value.trim(), form);
  } }, element("div", {}, element("label", { htmlFor: "to" }, "To"), choice),
  element("div", { className: "grow" }, element("label", { htmlFor: "reason" }, "Reason"), reason), ask);
  return element("div", { className: "card" }, element("h2", {}, "Put an earlier ranking back"),
    others.length ? form : element("p", { className: "soft" }, "There is no other release yet."));
}

function confirm(place, deployment, found, to, reason, form) {
  if (!reason) return notice("Say why: it is kept with the record.", true);
  const from = found.live ? `release ${found.live.number}` : "what is live";
  const yes = element("button", { className: "danger", onclick: () => start(place, deployment, to, reason) }, `Yes, put release ${to} back`);
  form.replaceWith(element("div", { className: "row", role: "group", "aria-label": "Confirm" },
    element("strong", {}, `From ${from} to release ${to}?`), yes,
    element("button", { onclick: () => show(place, { deployment }) }, "No")));
  yes.focus();
}

async function start(place, deployment, to, reason) {
  try {
    notice(`Rolling back to release ${to} …`);
    const conf = { deployment, to_release: to, reason };
    const run = await airflow("dags/rollback/dagRuns", { body: { logical_date: null, conf } });
    const state = await ended(run.dag_run_id);
    if (state !== "success") throw new Error(`The rollback ended ${state}: its log in Airflow says why. With Airflow's scheduler down: reprise release rollback ${deployment} --to ${to}`);
    await show(place, { deployment });
    notice(`Release ${to} is live.`);
  } catch (error) {
    await show(place, { deployment }).catch(() => {});
    notice(error.message, true);
  }
}

async function ended(run) {
  for (let waited = 0; waited < 120; waited += 1) {
    const { state } = await airflow(`dags/rollback/dagRuns/${encodeURIComponent(run)}`);
    if (state === "success" || state === "failed") return state;
    await new Promise((done) => setTimeout(done, 1000));
  }
  return "not yet";
}
