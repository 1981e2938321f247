/* Requests to the console's server, with the token of the printed address. */
import {byId} from "./make.js";

/* It stays behind the #, so that a page that is loaded again or opened in another tab has it. */
export const token = () => location.hash.slice(1).split("/")[0];

export function address(kind, value = "") {
  return kind ? `#${token()}/${kind}/${encodeURIComponent(value)}` : `#${token()}`;
}

const url = (name, query) => `api/${name}?${new URLSearchParams(
  Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== ""))}`;
const headers = () => ({Authorization: `Bearer ${token()}`});

export function trouble(text) {
  byId("trouble").textContent = text;
  byId("trouble").hidden = !text;
}

/* `passes`: the same request may succeed later, because nobody has answered or AWS was busy. */
function away(error) {
  if (error.name === "AbortError") throw error;
  throw Object.assign(new Error("The server does not answer. Does it still run?"), {passes: true});
}

async function answered(name, query, options) {
  const answer = await fetch(url(name, query), {...options, headers: headers()}).catch(away);
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw Object.assign(new Error(said.error ?? said.message ?? `The server answered ${answer.status}.`),
      {passes: answer.status === 503});
  }
  return answer;
}

export async function get(name, query = {}, signal = undefined) {
  return (await answered(name, query, {signal})).json();
}

export async function post(name, query) {
  return (await (await answered(name, query, {method: "POST"})).json()).done;
}

/* Files are sent by XMLHttpRequest: fetch doesn't tell how far an upload is. */
export function put(name, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url("upload", {name}));
    request.setRequestHeader("Authorization", headers().Authorization);
    request.upload.onprogress = (event) => progress(event.loaded / Math.max(1, event.total));
    request.onerror = () => reject(new Error("It broke off. Does the server still run, and is the file still there?"));
    request.onabort = () => reject(new Error("You have cancelled it."));
    signal.addEventListener("abort", () => request.abort());
    request.onload = () => {
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* no JSON */ }
      if (request.status === 200) resolve(said.key);
      else reject(new Error(said.error ?? `The server answered ${request.status}.`));
    };
    request.send(file);
  });
}

/* Resolves after so many seconds, and at once when the signal is aborted. */
export const pause = (seconds, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); });
});

const visible = (signal) => new Promise((resolve) => {
  const look = () => {
    if (document.hidden && !signal.aborted) return;
    document.removeEventListener("visibilitychange", look);
    resolve();
  };
  document.addEventListener("visibilitychange", look);
  signal.addEventListener("abort", look);
  look();
});

/* The events of a stream, until it ends or breaks off. Returns whether it has told its end. */
async function read(name, query, signal, told) {
  const answer = await answered(name, query, {signal});
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const {value, done} = await reader.read().catch(away);
    if (done) return false;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const found = /^event: (.*)\ndata: (.*)$/.exec(part);
      if (!found) continue;
      if (found[1] === "end") return true;
      if (found[1] === "failure") throw new Error(JSON.parse(found[2]));
      told(found[1], JSON.parse(found[2]));
    }
  }
}

/* Server-sent events. EventSource can't send the token in a header, so fetch reads the stream.
   `told` gets the name and the data of each event. A stream that breaks off begins anew. A hidden page has none: all
   tabs of a browser share six connections to a server, and a seventh page could ask nothing. */
export async function listen(name, query, signal, told) {
  for (let wait = 1, broken = false; ;) {
    await visible(signal);
    if (signal.aborted) return;
    const stream = new AbortController();
    const stop = () => { if (signal.aborted || document.hidden) stream.abort(); };
    signal.addEventListener("abort", stop);
    document.addEventListener("visibilitychange", stop);
    try {
      const ended = await read(name, query, stream.signal, (kind, data) => {
        if (broken) trouble("");
        [wait, broken] = [1, false];
        told(kind, data);
      });
      if (ended) return;
    } catch (error) {
      if (!stream.signal.aborted) {
        broken = true;
        trouble(error.message);
      }
    } finally {
      signal.removeEventListener("abort", stop);
      document.removeEventListener("visibilitychange", stop);
    }
    if (stream.signal.aborted) continue;
    await pause(wait, signal);
    wait = Math.min(wait * 2, 30);
  }
}
