// What the page says when it has no cards to show, or could not ask for them.

import { addressOf } from "./airflow_api.js";
import { h, Link } from "./react.js";
import { problemWords } from "./words.js";

const EXAMPLE = `from sora2_provider.operators.sora2 import Sora2CreateVideoOperator

Sora2CreateVideoOperator(
    task_id="create_video",
    prompt="A paper boat on a rain puddle, macro, slow dolly in",
    wait_for_completion=True,
)`;

export function ProblemNotice({ problem, dagId, onRetry, stale }) {
  const words = problemWords(problem, dagId);
  return h(
    "div",
    { className: "notice problem", role: "alert" },
    h("h2", null, words.title),
    h("p", null, words.advice),
    stale && h("p", null, "What you see is from before."),
    words.login
      ? h("a", { className: "button", href: loginAddress() }, "Log in")
      : h("button", { type: "button", className: "button", onClick: onRetry }, "Try again"),
  );
}

function loginAddress() {
  return addressOf("api/v2/auth/login", { next: location.href }).href;
}

export function NothingYet({ ofRun }) {
  if (ofRun) {
    return h(
      "div",
      { className: "notice" },
      h("h2", null, "This run has no video"),
      h("p", null, "A card appears here for each task of Sora2CreateVideoOperator, as soon as the run has made it."),
    );
  }
  return h(
    "div",
    { className: "notice" },
    h("h2", null, "No videos yet"),
    h("p", null, "A card appears here for each task of Sora2CreateVideoOperator, in every DAG that you may see."),
    h(
      "ol",
      null,
      h("li", null, "Add a ", h(Link, { to: "/connections" }, "connection"), " of the type Sora 2, with the gateway's API key."),
      h("li", null, "Put the operator into a DAG:", h("pre", null, h("code", null, EXAMPLE))),
      h("li", null, "Trigger the DAG."),
    ),
    h("p", { className: "hint" }, "If others see videos here, ask whoever manages this Airflow for the permission to read their DAGs."),
  );
}

export function NothingFound({ onClear, byText }) {
  return h(
    "div",
    { className: "notice" },
    h("h2", null, byText ? "No card on this page holds that text" : "No video fits these filters"),
    byText && h("p", null, "The text is looked for among the cards of this page. Older pages may hold it."),
    h("button", { type: "button", className: "button", onClick: onClear }, byText ? "Clear the text" : "Show all videos"),
  );
}
