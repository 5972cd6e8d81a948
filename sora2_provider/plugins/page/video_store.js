// Which videos are known: reads an XCom when a card asks for it, a few at a time, and never again once it is settled.

import { hasBegun, isSettled, merged, needsMore } from "./video.js";

const AT_A_TIME = 4;

export class VideoStore {
  // `read(task)` and `readFurther(task, videoId)` are those of airflow_api.js; `clock()` is the time.
  constructor({ read, readFurther, clock = () => new Date() }) {
    this._read = read;
    this._readFurther = readFurther;
    this._clock = clock;
    this._records = new Map();
    this._waiting = new Map();
    this._reading = new Set();
    this._listeners = new Set();
    this.subscribe = this.subscribe.bind(this);
  }

  subscribe(listener) {
    this._listeners.add(listener);
    return () => this._listeners.delete(listener);
  }

  // What is known of a task instance's video: `video` as in video.js, `problem` where it could not be read. A try has an
  // id of its own, so a cleared task begins anew.
  get(task) {
    return this._records.get(task.id);
  }

  // `further`: ask the run's other tasks in any case, because the link that is there has turned out to be of no use.
  want(task, { further = false } = {}) {
    const known = this.get(task);
    // What was read while the task was at work may have been overtaken by its end.
    if (known?.settled && known.state === task.state && (!further || known.further)) return;
    this._waiting.set(task.id, { task, further });
    this._next();
  }

  unwant(task) {
    this._waiting.delete(task.id);
  }

  _next() {
    for (const [id, { task, further }] of this._waiting) {
      if (this._reading.size >= AT_A_TIME) return;
      if (this._reading.has(id)) continue;
      this._waiting.delete(id);
      this._reading.add(id);
      this._readOne(task, further).finally(() => {
        this._reading.delete(id);
        this._next();
      });
    }
  }

  async _readOne(task, further) {
    try {
      let video = hasBegun(task) ? await this._read(task) : null;
      const asksFurther = video?.id && (further || needsMore(task, video, this._clock()));
      if (asksFurther) video = merged(video, await this._readFurther(task, video.id));
      const settled = isSettled(task, video, this._clock());
      this._keep(task, { video, settled, state: task.state, further: Boolean(asksFurther) });
    } catch (problem) {
      this._keep(task, { video: this.get(task)?.video, problem, settled: false, state: task.state });
    }
  }

  _keep(task, record) {
    this._records.set(task.id, record);
    for (const listener of this._listeners) listener();
  }
}
