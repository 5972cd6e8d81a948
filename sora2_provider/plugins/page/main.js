// What Airflow loads. It looks for the page under this name, and waits for this module, the style included.
import { VideoPage } from "./video_page.js";

globalThis.AirflowPlugin = VideoPage;

const ID = "sora2-page-style";
if (!document.getElementById(ID)) {
  const style = document.createElement("link");
  style.id = ID;
  style.rel = "stylesheet";
  style.href = new URL("style.css", import.meta.url).href;
  const loaded = new Promise((resolve) => {
    style.onload = style.onerror = resolve;
  });
  document.head.append(style);
  await loaded;
}
