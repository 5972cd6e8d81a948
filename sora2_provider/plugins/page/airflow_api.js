// Airflow's public REST API, asked with the session of the person who looks: what it does not show them, we do not have.

// The operators whose tasks make videos.
export const OPERATORS = ["Sora2CreateVideoOperator", "_Sora2VideoDecoratedOperator"];

// An answer that is none. `status` is the HTTP status, 0 where no answer came.
export class Problem extends Error {
  constructor(status, detail = "") {
    super(detail || `HTTP ${status}`);
    this.status = status;
    this.detail = detail;
  }
}

// The address of a path of this Airflow, which may be served below a path of its own.
export function addressOf(path, parameters = {}) {
  const root = new URL(document.baseURI).pathname;
  const address = new URL(root + path, location.origin);
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of [value].flat()) {
      if (one !== undefined && one !== null) address.searchParams.append(name, one);
    }
  }
  return address;
}

export async function get(path, parameters, signal) {
  let response;
  try {
    response = await fetch(addressOf(path, parameters), { headers: { Accept: "application/json" }, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0);
  }
  const text = await response.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's page, be it an error or a form to log in.
    throw new Problem(response.ok ? 0 : response.status);
  }
  if (!response.ok) throw new Problem(response.status, typeof body?.detail === "string" ? body.detail : "");
  return body;
}

// A page of tasks that make videos, newest first.
//
// `position` is where the page begins: null, or what `nextPosition` says. Airflow 3.2 and later give a cursor, which
// costs the same on the thousandth page as on the first; Airflow 3.1 does not know the parameter and counts.
export function listTasks(query, { position = null, limit }, signal) {
  const runId = query.dagId ? query.runId : undefined;
  const path = `api/v2/dags/${segment(query.dagId)}/dagRuns/${segment(runId)}/taskInstances`;
  return get(
    path,
    {
      operator: OPERATORS,
      order_by: "-id",
      limit,
      cursor: position?.cursor ?? "",
      offset: position?.offset,
      state: query.states,
      task_id: query.taskId,
      map_index: query.mapIndex,
    },
    signal,
  );
}

// Where the page after this answer begins; null where this was the last one.
export function nextPosition(answer, position, limit) {
  if (answer.next_cursor !== undefined) return answer.next_cursor ? { cursor: answer.next_cursor } : null;
  const offset = (position?.offset ?? 0) + limit;
  return offset < (answer.total_entries ?? 0) ? { offset } : null;
}

// Ids of DAGs that hold this text, for a person to choose from.
export async function findDagIds(text) {
  // The pattern is one of SQL, in which these signs stand for others.
  const pattern = `%${text.replaceAll(/[\\%_]/g, "_")}%`;
  const answer = await get("api/v2/dags", { dag_id_pattern: pattern, limit: 20, order_by: "dag_id" });
  return answer.dags.map((dag) => dag.dag_id);
}

// What a task has pushed as the XCom `video`; null where there is none.
export async function readVideo(task) {
  const path = `${runPath(task)}/taskInstances/${segment(task.task_id)}/xcomEntries/video`;
  try {
    return parsed((await get(path, { map_index: task.map_index })).value);
  } catch (problem) {
    if (problem.status === 404) return null;
    throw problem;
  }
}

// What other tasks of the run say of the same video: a sensor that has waited for it, a task that has stored it.
export async function readFurther(task, videoId) {
  const path = `${runPath(task)}/taskInstances/~/xcomEntries`;
  const answer = await get(path, { xcom_key: "video", map_index: task.map_index, limit: 20 });
  const others = answer.xcom_entries.filter((entry) => entry.task_id !== task.task_id);
  // What a task instance calls its dag_run_id is the run_id of an XCom.
  const videos = await Promise.all(others.map((entry) => readVideo({ ...entry, dag_run_id: entry.run_id })));
  return videos.filter((video) => video?.id === videoId);
}

// Airflow keeps an XCom as JSON, and some versions hand that out as it is.
export function parsed(value) {
  try {
    const video = typeof value === "string" ? JSON.parse(value) : value;
    if (video && typeof video === "object" && typeof video.id === "string") return video;
  } catch {
    // An XCom backend of its own has left a reference.
  }
  return { unreadable: true };
}

function runPath(task) {
  return `api/v2/dags/${segment(task.dag_id)}/dagRuns/${segment(task.dag_run_id)}`;
}

function segment(id) {
  return id ? encodeURIComponent(id) : "~";
}
