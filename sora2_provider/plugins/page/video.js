// What a card says of a video, made from the task instance and from what the task has pushed. Pure: no clock, no page.

import { durationText } from "./words.js";

const BUSY = new Set(["scheduled", "queued", "running", "deferred", "restarting", "up_for_retry", "up_for_reschedule"]);

// A task that only submits leaves its video to later tasks; after this long nobody is expected to tell more.
const FOLLOWED_SECONDS = 3600;

export function isBusy(task) {
  return task.state === null || BUSY.has(task.state);
}

// Whether the task can have pushed anything: one that no worker has begun cannot.
export function hasBegun(task) {
  return Boolean(task.start_date) && !["upstream_failed", "skipped", "removed"].includes(task.state);
}

// A link that may be followed or played: absolute, http or https; null for all else.
export function safeLink(text) {
  if (typeof text !== "string") return null;
  try {
    const address = new URL(text);
    return ["http:", "https:"].includes(address.protocol) && !address.username && !address.password ? address.href : null;
  } catch {
    return null;
  }
}

function isEnded(video) {
  return ["completed", "failed", "cancelled"].includes(video?.status);
}

function momentOf(text) {
  const moment = typeof text === "string" ? new Date(text) : null;
  return moment && !Number.isNaN(moment.valueOf()) ? moment : null;
}

function hasExpired(video, now) {
  const expiry = momentOf(video.expires_at);
  return expiry !== null && expiry <= now;
}

// Whether other tasks of the run may know more than the one that has submitted the video.
export function needsMore(task, video, now) {
  if (!video || video.unreadable || isBusy(task)) return false;
  if (!isEnded(video)) return true;
  return video.status === "completed" && !video.stored_uri && (hasExpired(video, now) || !safeLink(video.url));
}

// Whether there is nothing new to come, so that the XCom need not be read again.
export function isSettled(task, video, now) {
  if (isBusy(task)) return false;
  if (!video || video.unreadable || isEnded(video)) return true;
  return secondsSince(video.created_at ?? task.end_date, now) > FOLLOWED_SECONDS;
}

function secondsSince(text, now) {
  const moment = momentOf(text);
  return moment ? (now - moment) / 1000 : Infinity;
}

// One video out of what several tasks say of it: who saw the end knows best, and any may have stored the file.
export function merged(own, others) {
  const best = isEnded(own) ? own : (others.find(isEnded) ?? own);
  const stored = [own, ...others].find((video) => video.stored_uri);
  return { ...own, ...best, request: own.request ?? best.request, stored_uri: stored?.stored_uri ?? null };
}

// Everything that a card shows. `video` is undefined while it is not known, null where the task has pushed none.
export function describe(task, video, { now, broken = false }) {
  const fields = requestOf(task, video);
  return {
    prompt: fields.prompt,
    facts: factsOf(fields, video),
    id: typeof video?.id === "string" ? video.id : null,
    storedUri: typeof video?.stored_uri === "string" ? video.stored_uri : null,
    note: null,
    hint: null,
    ...situation(task, video, now, broken),
  };
}

function situation(task, video, now, broken) {
  if (video?.unreadable) {
    return {
      kind: "gone",
      label: "Kept elsewhere",
      words: "This Airflow keeps its XComs in a place that its API does not read.",
      hint: "The task's log names the video and its link.",
    };
  }
  if (video === undefined || video === null) return withoutVideo(task, video);
  if (video.status === "completed") return completed(task, video, now, broken);
  if (video.status === "failed" || video.status === "cancelled") return failed(video);
  return unfinished(task, video, now);
}

function withoutVideo(task, video) {
  const waiting = (words) => ({ kind: "waiting", label: "Waiting", words });
  switch (task.state) {
    case "running":
    case "restarting":
      return waiting("The task has started.");
    case "deferred":
    case "up_for_reschedule":
      return waiting("The task is waiting.");
    case "up_for_retry":
      return waiting("The last try failed. Airflow will try again.");
    case "failed":
      return { kind: "failed", label: "Failed", words: "No video was made.", hint: "The task's log says why." };
    case "upstream_failed":
      return { kind: "gone", label: "Not started", words: "An earlier task failed, so nothing was submitted." };
    case "skipped":
    case "removed":
      return { kind: "gone", label: "Skipped", words: "The task was skipped. Nothing was submitted." };
    case "success":
      // Before the XCom is read there is nothing to say; without one there never will be.
      return video === undefined
        ? { kind: "loading", label: "Done", words: "" }
        : { kind: "gone", label: "No record", words: "Airflow has deleted what this task had said of its video." };
    default:
      return waiting("Waiting for a worker.");
  }
}

function completed(task, video, now, broken) {
  const url = safeLink(video.url);
  const note = task.state === "failed" ? "The video is there, but the task failed later: see its log." : null;
  if (!url) {
    const words = video.stored_uri ? "The file is stored." : "Ready. The gateway gives no link, only the file itself.";
    return { kind: "stored", label: "Ready", words, note, took: tookText(video) };
  }
  if (hasExpired(video, now) || broken) {
    const expired = hasExpired(video, now);
    const words = expired ? "The gateway's link has expired." : "The link cannot be played here.";
    const hint = video.stored_uri
      ? null
      : "No task of this run has stored the file. Sora2DownloadVideoOperator asks the gateway for a new link.";
    return { kind: "expired", label: expired ? "Link expired" : "Ready", words, hint, note, took: tookText(video), url: expired ? null : url };
  }
  return { kind: "ready", label: "Ready", words: "", note, took: tookText(video), url };
}

function failed(video) {
  const reason = video.error_message || video.error_code;
  const cancelled = video.status === "cancelled";
  return {
    kind: "failed",
    label: cancelled ? "Cancelled" : "Failed",
    words: reason ? String(reason) : "The gateway gave no reason.",
    code: video.error_message && video.error_code ? String(video.error_code) : null,
    hint: video.failure_permanent
      ? "The same request would fail again: change the prompt or the images, then clear the task."
      : "The same request may well succeed: clear the task to pay for another one.",
  };
}

function unfinished(task, video, now) {
  const since = momentOf(video.created_at) ?? momentOf(task.start_date);
  const progress = Number.isFinite(video.progress) ? Math.min(100, Math.max(0, video.progress)) : null;
  const rendering = { kind: "rendering", label: "Rendering", words: "", since, progress };
  if (isBusy(task)) {
    const retried = task.state === "up_for_retry" ? "The last try failed. The next one goes on with this video." : null;
    return { ...rendering, note: retried };
  }
  if (task.state === "success") {
    if (!isSettled(task, video, now)) return { ...rendering, progress: null };
    return {
      kind: "gone",
      label: "Submitted",
      words: "No task of this run has told what became of it.",
      hint: "A sensor or a download task with this id does.",
    };
  }
  return {
    kind: "stopped",
    label: "Task failed",
    words: "The task ended before the video did. The video may be there by now, and it is paid for.",
    hint: "The task's log says how to pick it up.",
  };
}

function tookText(video) {
  const begun = momentOf(video.created_at);
  const ended = momentOf(video.completed_at);
  return begun && ended && ended > begun ? durationText((ended - begun) / 1000) : null;
}

// What was asked for; the task's rendered fields stand in for what is not known yet, or never was sent.
function requestOf(task, video) {
  const fields = { ...task.rendered_fields, ...video?.request };
  return { ...fields, prompt: typeof fields.prompt === "string" ? fields.prompt : "" };
}

function factsOf(fields, video) {
  const model = video?.model ?? fields.model;
  const images = Array.isArray(fields.images) ? fields.images.length : 0;
  return [
    typeof model === "string" ? model : null,
    /^\d+$/.test(String(fields.duration ?? "")) ? `${fields.duration} s` : null,
    ["portrait", "landscape"].includes(fields.orientation) ? fields.orientation : null,
    fields.size === "large" ? "large" : null,
    images ? `from ${images === 1 ? "an image" : `${images} images`}` : null,
  ].filter(Boolean);
}

// Whether a card holds every word of the text.
export function matches(task, description, text) {
  const held = [
    task.dag_display_name,
    task.dag_id,
    task.dag_run_id,
    task.task_id,
    task.rendered_map_index,
    description.prompt,
    description.id,
    description.label,
    description.words,
    ...description.facts,
  ].join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => held.includes(word));
}
