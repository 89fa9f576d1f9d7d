import { golden } from "./golden.js";
import { airflow, ask, element, facts, gain, notice, own, table } from "./common.js";

const state = { deployment: "", run: "", report: null, sides: null, grades: {}, why: null };

export async function show(place, { deployment, user, fallback }) {
  state.deployment = deployment;
  Object.assign(state, { user, fallback });
  const waiting = await airflow("dags/retrain/dagRuns/~/hitlDetails?response_received=false&limit=50");
  const runs = [];
  for (const one of waiting.hitl_details.filter((detail) => detail.task_instance.state === "awaiting_input" || detail.task_instance.state === "deferred")) {
    const run = await airflow(`dags/retrain/dagRuns/${encodeURIComponent(one.task_instance.dag_run_id)}`);
    if ((run.conf?.deployment ?? fallback) === deployment) runs.push({ ...one, run: run.dag_run_id });
  }
  if (!runs.length) {
    place.replaceChildren(element("div", { className: "card" }, element("h2", {}, "Nothing waits for a review"),
      element("p", { className: "soft" }, "When a retrain has a proven candidate it is asked for here, and under Browse → Required Actions.")),
    golden(deployment));
    return;
  }
  if (!runs.some((one) => one.run === state.run)) state.run = runs[0].run;
  state.detail = runs.find((one) => one.run === state.run);
  state.report = await own("report", { deployment, run_id: state.run });
  place.replaceChildren(chooser(place, runs), summary(), browse(), element("div", { id: "lists" }), golden(deployment, look), decide(place));
  if (state.report.queries.length) await look(state.report.queries[0].query);
}

function chooser(place, runs) {
  if (runs.length < 2) return element("span", { hidden: true });
  const choice = element("select", { id: "run", onchange: () => {
    state.run = choice.value;
    show(place, state).catch((error) => notice(error.message, true));
  } }, ...runs.map((one) => element("option", { value: one.run }, one.run)));
  choice.value = state.run;
  return element("p", {}, element("label", { htmlFor: "run" }, "Waiting "), choice);
}

function summary() {
  const said = state.report;
  const words = { pass: "yes", fail: "no", inconclusive: "cannot tell" };
  return element("div", { className: "card" },
    element("h2", {}, `A new ranking of ${said.last} waits for your answer`),
    said.superseded ? element("p", { className: "fail" }, `Superseded: ${said.superseded}. Approving changes nothing; retrain.`) : null,
    facts([
      ["gain", `${gain(...said.gain)} points of expected consumption, over ${said.queries_compared} queries of ${said.first} to ${said.last}`],
      ["beside", said.champion],
      ["the gate says", said.reason],
    ]),
    element("details", {}, element("summary", {}, `${said.checks.length} questions were asked`),
      table([["question"], ["answer"], ["why"]], said.checks.map((one) => [one.question, element("span", { className: one.outcome }, words[one.outcome] ?? one.outcome), one.reason]), "Checks")));
}

function browse() {
  const typed = element("input", { id: "typed", maxLength: 500, placeholder: "any query a listener might type" });
  return element("div", { className: "card" },
    element("h2", {}, "Which list is better?"),
    element("p", { className: "soft" }, "Both come from the real Solr. Which is whose you are told once you have said which you prefer. ",
      element("kbd", {}, "←"), " ", element("kbd", {}, "→"), " prefer a side, ", element("kbd", {}, "↓"), " neither, ",
      element("kbd", {}, "0"), "–", element("kbd", {}, "4"), " grade the item in focus, ", element("kbd", {}, "n"), " next query."),
    element("form", { className: "row", onsubmit: (event) => { event.preventDefault(); if (typed.value.trim()) look(typed.value.trim()); } },
      element("div", { className: "grow" }, element("label", { htmlFor: "typed" }, "Query"), typed), element("button", { type: "submit" }, "Look")),
    element("h3", {}, state.report.queries[0]?.again ? "What was live won last time, then what changed most" : "Queries that changed most"),
    state.report.queries.length
      ? element("ol", { className: "queries" }, ...state.report.queries.map((one) => element("li", {}, element("button", { type: "button", onclick: () => look(one.query) },
        element("span", {}, one.query), element("span", { className: "soft" }, [one.again ? "live won last time" : "", one.searches === null ? "" : `${one.searches} searches`].filter(Boolean).join(", "))))))
      : element("p", { className: "soft" }, "No query of enough listeners changed; type one."));
}

async function look(query) {
  try {
    state.sides = await own("sides", { deployment: state.deployment, run_id: state.run, query });
    state.grades = {};
    draw();
    for (const button of document.querySelectorAll(".queries button")) {
      button.setAttribute("aria-current", String(button.firstChild.textContent === query));
    }
    notice("");
  } catch (error) {
    notice(error.message, true);
  }
}

function draw() {
  const found = state.sides;
  const whose = (side) => (found.key ? (found.key[side] === "candidate" ? "the new ranking" : "what is live") : "");
  const list = (side, title) => element("div", {}, element("h3", {}, title, " ", element("span", { className: "whose" }, whose(side))),
    element("ol", { className: "list", "aria-label": `${title} list` }, ...found[side].map((one, place) => item(one, side, place))));
  document.getElementById("lists").replaceChildren(element("div", { className: "card", onkeydown: keys },
    element("h2", {}, found.query),
    found.equal ? element("p", { className: "soft" }, found.left.length ? "Both lists are the same." : "Solr finds nothing for this.") : null,
    element("div", { className: "pair" }, list("left", "Left"), list("right", "Right")),
    element("div", { className: "row", role: "group", "aria-label": "Which list is better?" },
      prefer("left", "← Left"), prefer("neither", "↓ Neither"), prefer("right", "Right →"),
      element("button", { onclick: keep, id: "keep" }, "Keep my grades"), element("button", { onclick: next }, "Next query")),
    element("div", { id: "reasons", role: "status" })));
}

function prefer(side, words) {
  return element("button", { "aria-pressed": String(state.sides.preferred === side), onclick: () => say(side), disabled: state.sides.equal }, words);
}

function item(one, side, place) {
  const { id, title, ...rest } = one;
  const grades = [0, 1, 2, 3, 4].map((value) => element("button", { "aria-pressed": String(state.grades[id] === value), "aria-label": `grade ${value}`, onclick: () => mark(id, value) }, String(value)));
  const above = state.sides[side][place - 1];
  const why = state.sides.explained?.includes(side) && above ? element("button", { onclick: () => reasons(side, above, one), "aria-label": `why does the item before stand above ${title ?? id}?` }, "why below?") : null;
  return element("li", { tabIndex: 0, "data-id": id, "aria-label": `${place + 1}: ${title ?? id}` },
    element("div", { className: "what" }, title ?? id, element("small", {}, [...Object.values(rest), title ? id : ""].filter(Boolean).join(" · "))), why,
    element("div", { className: "grades", role: "group", "aria-label": `grade of ${title ?? id}` }, ...grades));
}

function mark(id, value) {
  state.grades[id] = value;
  const focus = document.activeElement?.closest("li");
  for (const line of document.querySelectorAll(".list li")) {
    if (line.dataset.id !== id) continue;
    line.querySelectorAll(".grades button").forEach((button, n) => button.setAttribute("aria-pressed", String(n === value)));
  }
  focus?.focus();
}

function keys(event) {
  const side = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "neither" }[event.key];
  const line = event.target.closest("li");
  if (side && !state.sides.equal) say(side);
  else if (/^[0-4]$/.test(event.key) && line) mark(line.dataset.id, Number(event.key));
  else if (event.key === "n") next();
  else return;
  event.preventDefault();
}

async function say(preferred) {
  try {
    const { deployment, run, sides } = state;
    const { key, explained } = await ask("api/preference", { body: { deployment, run_id: run, query: sides.query, preferred } });
    Object.assign(sides, { preferred, key, explained });
    draw();
    document.querySelector("#lists .row button[aria-pressed=true]")?.focus();
    notice(preferred === "neither" ? "Kept: neither." : `Kept: you prefer ${key[preferred] === "candidate" ? "the new ranking" : "what is live"}.`);
  } catch (error) {
    notice(error.message, true);
  }
}

async function keep() {
  try {
    const { kept } = await ask("api/grades", { body: { deployment: state.deployment, query: state.sides.query, grades: state.grades } });
    notice(`${kept === 1 ? "One grade is" : `${kept} grades are`} kept; the next retrain reads ${kept === 1 ? "it" : "them"}.`);
  } catch (error) {
    notice(Object.keys(state.grades).length ? error.message : "Grade an item first: 0 is not what was meant, 4 exactly that.", true);
  }
}

function next() {
  const all = state.report.queries.map((one) => one.query);
  const following = all[all.indexOf(state.sides.query) + 1];
  if (following) look(following).then(() => document.querySelector(".list li")?.focus());
  else notice("That was the last of them.");
}

async function reasons(side, above, below) {
  try {
    const found = await own("why", { deployment: state.deployment, run_id: state.run, query: state.sides.query, side, above: above.id, below: below.id });
    const number = (value) => Number(value.toPrecision(4)).toString();
    document.getElementById("reasons").replaceChildren(element("div", { className: "why" },
      element("h3", {}, `Why “${above.title ?? above.id}” stands above “${below.title ?? below.id}” (${side})`),
      table([["feature"], ["above", true], ["below", true], ["brings", true], ["meaning"]], found.parts.map((one) => [one.feature, number(one.above), number(one.below), number(one.brings), one.meaning]), "Reasons"),
      element("p", { className: "soft" }, `Together ${number(found.lead)}: the difference of the scores.`)));
  } catch (error) {
    notice(error.message, true);
  }
}

function decide(place) {
  const comment = element("textarea", { id: "comment", rows: 2, maxLength: 2000, required: true });
  const answer = (option) => async (event) => {
    event.preventDefault();
    if (!comment.value.trim()) {
      comment.focus();
      return notice("Say why in a sentence: it is kept with the record.", true);
    }
    try {
      const fields = Object.keys(state.detail.params ?? { comment: "" });
      const filled = { comment: comment.value.trim(), report: state.report.digest };
      const params = Object.fromEntries(fields.map((name) => [name, filled[name] ?? ""]));
      const path = `dags/retrain/dagRuns/${encodeURIComponent(state.run)}/taskInstances/${state.detail.task_instance.task_id}/-1/hitlDetails`;
      await airflow(path, { method: "PATCH", body: { chosen_options: [option], params_input: params } });
      await show(place, state);
      notice(option === "Approve" ? "Approved: it goes live in a moment." : "Rejected: nothing changes, and your reason is kept.");
    } catch (error) {
      notice(error.message, true);
    }
    return null;
  };
  return element("form", { className: "card" }, element("h2", {}, "Your answer"),
    element("label", { htmlFor: "comment" }, "Why (needed)"), comment,
    element("div", { className: "row" },
      element("button", { type: "button", className: "main", onclick: answer("Approve"), disabled: Boolean(state.report.superseded) }, "Approve"),
      element("button", { type: "button", className: "danger", onclick: answer("Reject") }, "Reject")));
}
