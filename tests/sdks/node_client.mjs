// OpenAI's SDK for Node against a server of its wire; what it saw goes to stdout as JSON.
// node_client.mjs URL FOLDER_OF_IMAGES FOLDER_WITH_NODE_MODULES
import { createReadStream } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";

const [url, images, home] = process.argv.slice(2);
const { OpenAI, toFile } = createRequire(`${home}/`)("openai");

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "sk-sdk", maxRetries: 0 });
const videos = client.videos;
const image = (name) => createReadStream(`${images}/${name}`);

async function codeOf(call) {
  try {
    await call();
  } catch (error) {
    return `${error.status} ${error.code ?? error.error.message}`;
  }
  return "accepted";
}

// This SDK has no poll of its own.
async function poll(id) {
  for (;;) {
    const { data, response } = await videos.retrieve(id).withResponse();
    if (data.status === "completed" || data.status === "failed") return data;
    await sleep(Number(response.headers.get("openai-poll-after-ms")));
  }
}

const form = await videos.create({ prompt: "a fox", model: "sora-2", seconds: "8", size: "1280x720" });
const withFile = await videos.create({ prompt: "a fox", input_reference: image("sample.png") });
const asJson = await client.post("/videos", { body: { prompt: "a fox", model: "sora-2-pro", seconds: "12" } });
const created = [form, withFile, asJson];
const { response } = await videos.retrieve(form.id).withResponse();
const done = [];
for (const video of created) done.push(await poll(video.id));
const whole = Buffer.from(await (await videos.downloadContent(form.id)).arrayBuffer());
const part = await videos.downloadContent(form.id, {}, { headers: { Range: "bytes=4-11" } });
const pictures = [];
for (const variant of ["thumbnail", "spritesheet"]) {
  pictures.push((await videos.downloadContent(form.id, { variant })).headers.get("content-type"));
}
const remix = await poll((await videos.remix(form.id, { prompt: "at night" })).id);
const listed = [];
for await (const video of videos.list({ limit: 2, order: "asc" })) listed.push(video.id);
const deleted = await videos.delete(remix.id);
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const create = (fields) => () => videos.create({ prompt: "a fox", ...fields });

console.log(
  JSON.stringify({
    created: created.map((video) => [video.status, video.seconds, video.size, video.model]),
    poll_after: response.headers.get("openai-poll-after-ms"),
    polled: done.map((video) => [video.status, video.progress, video.error]),
    bytes: [whole.length, whole.subarray(4, 8).toString()],
    part: [part.status, Buffer.from(await part.arrayBuffer()).toString("latin1")],
    pictures,
    remix: [remix.remixed_from_video_id === form.id, remix.prompt, remix.seconds],
    listed: JSON.stringify(listed) === JSON.stringify([...created.map((video) => video.id), remix.id]),
    deleted: [deleted.id === remix.id, deleted.deleted, deleted.object],
    models: models.sort(),
    errors: {
      deleted: await codeOf(() => videos.retrieve(remix.id)),
      seconds: await codeOf(create({ seconds: "5" })),
      "unknown field": await codeOf(create({ orientation: "portrait" })),
      "no image": await codeOf(create({ input_reference: await toFile(Buffer.from("text"), "a.png") })),
      pixels: await codeOf(create({ input_reference: image("landscape.png") })),
      link: await codeOf(create({ input_reference: { image_url: `${url}/images/sample.png` } })),
      key: await codeOf(() => client.withOptions({ apiKey: "no" }).models.list()),
    },
  }),
);
