// Golden queries: what people expect of a query, whatever the model.
import { ask, element, notice, own, table } from "./common.js";

const RULES = { first: "first", top3: "among the first three", never: "never on the first page" };

export function golden(deployment, look) {
  const place = element("div", { className: "card" }, element("h2", {}, "Golden queries"));
  const draw = async () => {
    const found = await own("golden", { deployment });
    const rows = found.expectations.map((one) => [
      element("button", { type: "button", onclick: () => look?.(one.query), disabled: !look }, one.query), one.item, RULES[one.rule],
      one.strength === "never_break" ? "must never break" : "should hold",
      element("span", { className: { held: "pass", broken: "fail", stale: "inconclusive" }[one.outcome] }, one.rank ? `${one.outcome}, number ${one.rank}` : one.outcome),
      [one.by, one.why].filter(Boolean).join(": "),
      element("button", { type: "button", "aria-label": `retire ${one.query}`, onclick: () => send({ ...one, retire: true, why: "retired on the page" }) }, "Retire"),
    ]);
    place.replaceChildren(element("h2", {}, "Golden queries"),
      rows.length ? table([["query"], ["item"], ["place"], ["strength"], ["what is live"], ["who, why"], ["no longer"]], rows, "Golden queries")
        : element("p", { className: "soft" }, "Nobody has said yet what a query must answer."),
      form());
  };
  const send = async (one) => {
    try {
      const { query, item, rule, strength, why, retire } = one;
      await ask("api/golden", { body: { deployment, query, item, rule, strength, why, retire: Boolean(retire) } });
      await draw();
      notice(retire ? "Retired; its record stays." : "Recorded: every candidate is held to it from now on.");
    } catch (error) {
      notice(error.message, true);
    }
  };
  const form = () => {
    const query = element("input", { id: "golden-query", maxLength: 500, required: true });
    const item = element("input", { id: "golden-item", maxLength: 500, required: true, placeholder: "its id" });
    const rule = element("select", { id: "golden-rule" }, ...Object.entries(RULES).map(([value, words]) => element("option", { value }, words)));
    const never = element("input", { id: "golden-never", type: "checkbox" });
    const why = element("input", { id: "golden-why", maxLength: 500 });
    const named = (label, field) => element("div", { className: "grow" }, element("label", { htmlFor: field.id }, label), field);
    return element("form", { className: "row", onsubmit: (event) => {
      event.preventDefault();
      send({ query: query.value.trim(), item: item.value.trim(), rule: rule.value, strength: never.checked ? "never_break" : "should_hold", why: why.value.trim() });
    } }, named("Query", query), named("Item", item), named("Place", rule), named("Why", why),
    element("label", { className: "check" }, never, "must never break"), element("button", { type: "submit" }, "Add"));
  };
  draw().catch((error) => place.append(element("p", { className: "fail" }, error.message)));
  return place;
}
