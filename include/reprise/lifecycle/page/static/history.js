import { element, gain, link, own, table } from "./common.js";

export async function show(place, { deployment }) {
  const found = await own("history", { deployment });
  const rows = found.rows.map((one) => [
    link(`${one.first} to ${one.last}`, one.airflow), one.family, gain(one.gain, one.lower, one.upper), one.verdict,
    element("span", { title: one.reason }, one.ending), wins(one.compared), one.approver, one.release ?? "", one.days_live ?? "",
  ]);
  place.replaceChildren(element("div", { className: "card" },
    element("h2", {}, "Retrains"),
    found.note ? element("p", { className: "inconclusive" }, found.note) : null,
    rows.length
      ? table([["window"], ["family"], ["gain, points (95 %)", true], ["verdict"], ["ending"], ["new : live : neither", true], ["approved by"], ["release", true], ["days live", true]], rows, "Retrains")
      : element("p", { className: "soft" }, "There has been no retrain yet: trigger the DAG retrain."),
    found.runs > found.rows.length ? element("p", { className: "soft" }, `The newest of ${found.runs} runs.`) : null));
}

// How many comparisons of lists each won, where anybody compared.
function wins({ candidate, live, neither }) {
  return candidate === undefined ? "" : `${candidate} : ${live} : ${neither}`;
}
