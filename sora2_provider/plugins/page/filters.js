// What narrows the page down: the DAG and the state on the server, the text among the cards that are there.

import { findDagIds } from "./airflow_api.js";
import { h, useEffect, useState } from "./react.js";

// What a person calls the states of a task; "" is all of them.
export const STATES = {
  "": { label: "All states", states: undefined },
  running: { label: "In progress", states: ["running", "deferred", "up_for_reschedule", "restarting"] },
  waiting: { label: "Waiting to start", states: ["none", "scheduled", "queued", "up_for_retry"] },
  success: { label: "Succeeded", states: ["success"] },
  failed: { label: "Failed", states: ["failed", "upstream_failed"] },
};

export function Filters({ query, onChange, dagIds, withDag }) {
  return h(
    "form",
    { className: "filters", role: "search", onSubmit: (event) => event.preventDefault() },
    withDag && h(DagFilter, { key: query.dagId, dagId: query.dagId, onChange, seen: dagIds }),
    h(
      "label",
      null,
      h("span", null, "Task state"),
      h(
        "select",
        { value: query.state, onChange: (event) => onChange({ state: event.target.value }) },
        Object.entries(STATES).map(([value, { label }]) => h("option", { key: value, value }, label)),
      ),
    ),
    h(
      "label",
      null,
      h("span", null, "Text on this page"),
      h("input", {
        type: "search",
        value: query.text,
        placeholder: "Prompt, model, run, task, id",
        onChange: (event) => onChange({ text: event.target.value }),
      }),
    ),
  );
}

function DagFilter({ dagId, onChange, seen }) {
  const [text, setText] = useState(dagId ?? "");
  const [found, setFound] = useState([]);

  useEffect(() => {
    if (!text || text === dagId) return undefined;
    let late = false;
    const timer = setTimeout(async () => {
      // Suggestions only: without them, the id can still be typed.
      const ids = await findDagIds(text).catch(() => []);
      if (!late) setFound(ids);
    }, 250);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [text, dagId]);

  const offered = [...new Set([...seen, ...found])].sort();
  const settle = (chosen) => chosen !== (dagId ?? "") && onChange({ dagId: chosen || undefined });
  return h(
    "label",
    null,
    h("span", null, "DAG"),
    h("input", {
      type: "search",
      value: text,
      placeholder: "All DAGs",
      list: "sora2-dags",
      autoComplete: "off",
      spellCheck: false,
      onChange: (event) => {
        setText(event.target.value);
        if (!event.target.value || offered.includes(event.target.value)) settle(event.target.value);
      },
      onKeyDown: (event) => event.key === "Enter" && settle(text.trim()),
      onBlur: () => settle(text.trim()),
    }),
    h("datalist", { id: "sora2-dags" }, offered.map((id) => h("option", { key: id, value: id }))),
  );
}
