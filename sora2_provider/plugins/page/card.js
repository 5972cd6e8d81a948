// One video. All that came from a prompt or from the gateway is text to React, which makes no markup of it.

import { h, Link, memo, useEffect, useRef, useState, useSyncExternalStore } from "./react.js";
import { describe } from "./video.js";
import { durationText, momentText } from "./words.js";

// The frame that stands before the film is played; the very first one is often black.
const STILL = "#t=0.1";

export const Card = memo(function Card({ task, store, inView, tick, now }) {
  const record = useSyncExternalStore(store.subscribe, () => store.get(task));
  const [frame, visible, seen] = useSeen(inView);
  const [broken, setBroken] = useState(null);

  useEffect(() => {
    if (!visible) return undefined;
    store.want(task);
    return () => store.unwant(task);
  }, [visible, tick, task.id, task.state]);

  const url = record?.video?.url;
  const shown = describe(task, record?.video, { now, broken: broken !== null && broken === url });
  const onBroken = () => {
    setBroken(url);
    store.want(task, { further: true });
  };
  return h(
    "article",
    { className: `card ${shown.kind}`, ref: frame, "aria-label": `${shown.label}: ${shown.prompt || task.task_id}` },
    h("div", { className: "screen" }, h(Screen, { shown, now, onBroken, playable: seen })),
    h(
      "div",
      { className: "about" },
      h(
        "p",
        { className: "status" },
        h("span", { className: "pill" }, shown.label),
        shown.kind !== "rendering" && h("span", { className: "when" }, startText(task, now)),
      ),
      h(Prompt, { text: shown.prompt }),
      h(Facts, { shown }),
      shown.note && h("p", { className: "note" }, shown.note),
      record?.problem && h("p", { className: "note" }, xcomProblem(record.problem)),
      shown.storedUri && h(Stored, { uri: shown.storedUri }),
      h(Origin, { task, shown }),
    ),
  );
});

// A frame to put on an element, whether that is in view, and whether it has ever been: a film that plays goes on playing.
function useSeen(inView) {
  const frame = useRef(null);
  const [{ visible, seen }, setSeen] = useState({ visible: false, seen: false });
  useEffect(
    () => inView(frame.current, (is) => setSeen((before) => ({ visible: is, seen: before.seen || is }))),
    [inView],
  );
  return [frame, visible, seen];
}

function Screen({ shown, now, onBroken, playable }) {
  if (shown.kind === "ready") {
    return h("video", {
      controls: true,
      playsInline: true,
      preload: "metadata",
      // Nothing is fetched from the gateway's host for a card that nobody has scrolled to.
      src: playable ? shown.url + (shown.url.includes("#") ? "" : STILL) : undefined,
      onError: onBroken,
      "aria-label": `Video: ${shown.prompt || shown.id}`,
    });
  }
  if (shown.kind === "rendering") return h(Rendering, { shown, now });
  return h(
    "div",
    { className: "said" },
    shown.words && h("p", { className: "words" }, shown.words),
    shown.code && h("code", null, shown.code),
    shown.hint && h("p", { className: "hint" }, shown.hint),
  );
}

function Rendering({ shown, now }) {
  const passed = shown.since ? Math.max(0, (now - shown.since) / 1000) : null;
  const since = shown.since ? `Rendering since ${momentText(shown.since, now)}` : "Rendering";
  return h(
    "div",
    { className: "said" },
    h("p", { className: "words" }, since),
    passed !== null && h("p", { className: "hint" }, durationText(passed)),
    shown.progress !== null &&
      h("progress", { max: 100, value: shown.progress, "aria-label": "Progress of the rendering" }),
    shown.progress !== null && h("p", { className: "hint" }, `${shown.progress} %`),
  );
}

function Facts({ shown }) {
  const facts = shown.took ? [...shown.facts, `took ${shown.took}`] : shown.facts;
  return facts.length > 0 && h("p", { className: "facts" }, facts.join(" · "));
}

function Prompt({ text }) {
  const [open, setOpen] = useState(false);
  if (!text) return null;
  const long = text.length > 140 || text.includes("\n");
  return h(
    "div",
    { className: "prompt" },
    h("p", { className: open ? "" : "clamped", dir: "auto" }, text),
    long &&
      h(
        "button",
        { type: "button", className: "plain", "aria-expanded": open, onClick: () => setOpen(!open) },
        open ? "Show less" : "Show all",
      ),
  );
}

function Stored({ uri }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(uri);
    setCopied(true);
  };
  return h(
    "p",
    { className: "stored" },
    h("span", null, "Stored at "),
    h("code", { title: uri }, uri),
    // Browsers offer the clipboard on https and on this machine only.
    navigator.clipboard &&
      h("button", { type: "button", className: "plain", onClick: copy }, copied ? "Copied" : "Copy"),
  );
}

function Origin({ task, shown }) {
  const run = `/dags/${encodeURIComponent(task.dag_id)}/runs/${encodeURIComponent(task.dag_run_id)}`;
  const mapped = task.map_index >= 0 ? `/mapped/${task.map_index}` : "";
  const index = task.map_index >= 0 ? ` [${task.rendered_map_index ?? task.map_index}]` : "";
  return h(
    "p",
    { className: "origin" },
    h(Link, { to: run, title: `DAG run ${task.dag_run_id}` }, task.dag_display_name),
    h("span", { "aria-hidden": true }, "›"),
    h(
      Link,
      { to: `${run}/tasks/${encodeURIComponent(task.task_id)}${mapped}`, title: "This task and its log" },
      `${task.task_display_name}${index}`,
    ),
    shown.url &&
      h(
        "a",
        { href: shown.url, target: "_blank", rel: "noopener noreferrer", className: "open", title: "Open the video in a new tab" },
        "Open ↗",
      ),
  );
}

function startText(task, now) {
  return task.start_date ? momentText(new Date(task.start_date), now) : "";
}

function xcomProblem(problem) {
  if (problem.status === 403) return "You may not read this task's XComs, where its video is named.";
  if (problem.status === 401) return "You are logged out.";
  return problem.status ? `Airflow could not say more (HTTP ${problem.status}).` : "Airflow could not be reached.";
}
