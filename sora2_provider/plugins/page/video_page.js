// The page: an entry of the navigation, and the tab of a DAG run, which comes with the ids of DAG and run.

import { listTasks, nextPosition, readFurther, readVideo } from "./airflow_api.js";
import { Card } from "./card.js";
import { Filters, STATES } from "./filters.js";
import { NothingFound, NothingYet, ProblemNotice } from "./notices.js";
import { h, useCallback, useEffect, useMemo, useRef, useState, useSearchParams } from "./react.js";
import { describe, isBusy, isSettled, matches } from "./video.js";
import { VideoStore } from "./video_store.js";
import { countText } from "./words.js";

const PAGE_SIZE = 48;

// While something renders, and while nothing does.
const SOON_MS = 5_000;
const LATER_MS = 30_000;

// One for all mounts: who comes back from a task finds the cards as they were.
const store = new VideoStore({ read: readVideo, readFurther });

export function VideoPage({ dagId, runId }) {
  const [query, change] = useQuery({ dagId, runId });
  const pages = usePages(query);
  const { answer, problem, tick, now } = pages;
  const inView = useInView();
  useRenderOnNews();

  const tasks = answer?.task_instances ?? [];
  const shown = useShown(tasks, query.text, now);
  const narrowed = Boolean(query.taskId || query.state || (!runId && (query.dagId || query.runId)));
  return h(
    "section",
    { className: `sora2-page${runId ? " tab" : ""}`, "aria-label": "Sora 2 videos", "aria-busy": !answer && !problem },
    h(
      "header",
      null,
      !runId && h("h1", null, "Sora 2 videos"),
      h("p", { className: "count", role: "status" }, answer ? countOf(answer, tasks, shown, query.text, now) : ""),
      h(Filters, { query, onChange: change, withDag: !runId, dagIds: useSeenDags(tasks) }),
    ),
    (query.taskId || (query.runId && !runId)) &&
      h(
        "p",
        { className: "narrowed" },
        query.taskId ? `Only task ${query.taskId} of run ${query.runId}. ` : `Only run ${query.runId}. `,
        h("button", { type: "button", className: "plain", onClick: () => change(EVERYTHING) }, "Show all videos"),
      ),
    problem && h(ProblemNotice, { problem, dagId: query.dagId, onRetry: pages.refresh, stale: Boolean(answer) }),
    !answer && !problem && h(Loading),
    answer && tasks.length === 0 && !problem && (narrowed || pages.number > 1
      ? h(NothingFound, { onClear: () => change(EVERYTHING) })
      : h(NothingYet, { ofRun: Boolean(runId) })),
    tasks.length > 0 && shown.length === 0 && h(NothingFound, { byText: true, onClear: () => change({ text: "" }) }),
    h(
      "ul",
      { className: "grid" },
      shown.map((task) => h("li", { key: task.id }, h(Card, { task, store, inView, tick, now }))),
    ),
    answer && h(Pager, pages),
  );
}

const EVERYTHING = { dagId: undefined, runId: undefined, taskId: undefined, mapIndex: undefined, state: "", text: "" };
const PARAMETERS = { dagId: "dag_id", runId: "run_id", taskId: "task_id", mapIndex: "map_index", state: "state", text: "text" };

// What is looked for. It stands in the address, so that it can be linked to, and survives a reload.
function useQuery({ dagId, runId }) {
  const [parameters, setParameters] = useSearchParams();
  const query = useMemo(() => {
    const read = (name) => parameters.get(PARAMETERS[name]) || undefined;
    const state = read("state") ?? "";
    return {
      dagId: dagId ?? read("dagId"),
      runId: runId ?? read("runId"),
      taskId: read("taskId"),
      mapIndex: read("mapIndex"),
      state: state in STATES ? state : "",
      text: read("text") ?? "",
    };
  }, [parameters, dagId, runId]);
  const change = useCallback(
    (changes) =>
      setParameters(
        (before) => {
          const after = new URLSearchParams(before);
          // A run belongs to its DAG, and a task to its run.
          const all = "dagId" in changes ? { ...changes, runId: undefined, taskId: undefined, mapIndex: undefined } : changes;
          for (const [name, value] of Object.entries(all)) {
            if (value) after.set(PARAMETERS[name], value);
            else after.delete(PARAMETERS[name]);
          }
          return after;
        },
        { replace: true },
      ),
    [setParameters],
  );
  return [query, change];
}

// The pages of what is looked for: the one that is open, and the way to the others.
function usePages(query) {
  const asked = JSON.stringify({ ...query, text: undefined });
  const [trail, setTrail] = useState({ asked, positions: [null] });
  const [state, setState] = useState({});
  const [tick, setTick] = useState(0);
  const [now, setNow] = useState(() => new Date());
  const positions = trail.asked === asked ? trail.positions : [null];
  const position = positions.at(-1);
  const key = `${asked} ${JSON.stringify(position)}`;
  const current = state.key === key ? state : {};
  const next = current.answer ? nextPosition(current.answer, position, PAGE_SIZE) : null;
  const refresh = useCallback(() => setTick((before) => before + 1), []);

  useEffect(() => {
    const canceller = new AbortController();
    const options = { position, limit: PAGE_SIZE };
    listTasks({ ...query, states: STATES[query.state].states }, options, canceller.signal).then(
      (answer) => setState({ key, answer }),
      (problem) => {
        if (problem.name === "AbortError") return;
        // What was there stays, except where the person may not see it (any more).
        const keeps = ![401, 403, 404].includes(problem.status);
        setState((before) => ({ key, problem, answer: keeps && before.key === key ? before.answer : undefined }));
      },
    ).finally(() => !canceller.signal.aborted && setNow(new Date()));
    return () => canceller.abort();
  }, [key, tick]);

  const isLive = (current.answer?.task_instances ?? []).some((task) => isLiveTask(task, now));
  useTimer(refresh, isLive || current.problem ? SOON_MS : LATER_MS, now);

  return {
    ...current,
    number: positions.length,
    now,
    tick,
    refresh,
    newer: positions.length > 1 ? () => setTrail({ asked, positions: positions.slice(0, -1) }) : null,
    older: next ? () => setTrail({ asked, positions: [...positions, next] }) : null,
  };
}

function isLiveTask(task, now) {
  const record = store.get(task);
  return isBusy(task) || (record?.video ? !isSettled(task, record.video, now) : false);
}

// Calls back some time after `since`, and not before somebody looks.
function useTimer(callback, milliseconds, since) {
  useEffect(() => {
    let isDue = false;
    const call = () => isDue && !document.hidden && callback();
    const timer = setTimeout(() => {
      isDue = true;
      call();
    }, milliseconds);
    document.addEventListener("visibilitychange", call);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", call);
    };
  }, [callback, milliseconds, since]);
}

// Draws the page anew when a video becomes known: its text may be looked for, and what renders is counted.
function useRenderOnNews() {
  const [, setNews] = useState(0);
  useEffect(() => {
    let due = false;
    return store.subscribe(() => {
      if (due) return;
      due = true;
      setTimeout(() => {
        due = false;
        setNews((before) => before + 1);
      }, 200);
    });
  }, []);
}

// The cards that hold the text. The page reads all its videos for that, not only those in view.
function useShown(tasks, text, now) {
  const wanted = text.trim();
  useEffect(() => {
    if (wanted) tasks.forEach((task) => store.want(task));
  }, [wanted, tasks]);
  if (!wanted) return tasks;
  return tasks.filter((task) => matches(task, describe(task, store.get(task)?.video, { now }), wanted));
}

// One observer for all cards: `inView(element, tell)` calls `tell(true)` while the element is near the window.
function useInView() {
  const observer = useRef(null);
  const tellers = useRef(new Map());
  useEffect(() => () => observer.current?.disconnect(), []);
  return useCallback((element, tell) => {
    observer.current ??= new IntersectionObserver(
      (entries) => entries.forEach((entry) => tellers.current.get(entry.target)?.(entry.isIntersecting)),
      { rootMargin: "200px" },
    );
    tellers.current.set(element, tell);
    observer.current.observe(element);
    return () => {
      observer.current.unobserve(element);
      tellers.current.delete(element);
    };
  }, []);
}

// Ids of DAGs that have been on a page: what the filter offers before anything is typed.
function useSeenDags(tasks) {
  const seen = useRef(new Set());
  tasks.forEach((task) => seen.current.add(task.dag_id));
  return [...seen.current];
}

function countOf(answer, tasks, shown, text, now) {
  const total = answer.total_entries;
  const capped = answer.total_entries_limit && total >= answer.total_entries_limit;
  const parts = [];
  if (total !== null && total !== undefined) parts.push(countText(total, "video", "videos") + (capped ? " or more" : ""));
  const rendering = tasks.filter((task) => isLiveTask(task, now)).length;
  if (rendering) parts.push(`${rendering} in progress on this page`);
  if (text.trim()) parts.push(`${countText(shown.length, "card holds", "cards hold")} the text`);
  return parts.join(" · ");
}

function Pager({ number, newer, older }) {
  if (!newer && !older) return null;
  const turn = (go) => () => {
    go();
    document.querySelector(".sora2-page")?.scrollIntoView();
  };
  return h(
    "nav",
    { className: "pager", "aria-label": "Pages" },
    h("button", { type: "button", className: "button", disabled: !newer, onClick: newer && turn(newer) }, "← Newer"),
    h("span", null, `Page ${number}`),
    h("button", { type: "button", className: "button", disabled: !older, onClick: older && turn(older) }, "Older →"),
  );
}

function Loading() {
  return h(
    "ul",
    { className: "grid", "aria-hidden": true },
    Array.from({ length: 8 }, (_, index) => h("li", { key: index }, h("div", { className: "card ghost" }))),
  );
}
