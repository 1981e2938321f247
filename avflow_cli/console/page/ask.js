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

async function answered(name, query, options) {
  const answer = await fetch(url(name, query), {...options, headers: headers()});
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error ?? said.message ?? `The server answered ${answer.status}.`);
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
export function put(name, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url("upload", {name}));
    request.setRequestHeader("Authorization", headers().Authorization);
    request.upload.onprogress = (event) => progress(event.loaded / event.total);
    request.onerror = () => reject(new Error("The server did not answer."));
    request.onload = () => {
      let said = {};
      try { said = JSON.parse(request.responseText); } catch { /* no JSON */ }
      if (request.status === 200) resolve(said.key);
      else reject(new Error(said.error ?? `The server answered ${request.status}.`));
    };
    request.send(file);
  });
}

/* Server-sent events. EventSource can't send the token in a header, so fetch reads the stream.
   `told` gets the name and the data of each event. A stream that breaks off begins anew. */
export async function listen(name, query, signal, told) {
  for (let wait = 1; !signal.aborted; wait = Math.min(wait * 2, 30)) {
    try {
      const answer = await answered(name, query, {signal});
      trouble("");
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let rest = ""; ;) {
        const {value, done} = await reader.read();
        if (done) break;
        const parts = (rest + value).split("\n\n");
        rest = parts.pop();
        for (const part of parts) {
          const found = /^event: (.*)\ndata: (.*)$/.exec(part);
          if (!found) continue;
          if (found[1] === "end") return;
          if (found[1] === "failure") throw new Error(JSON.parse(found[2]));
          wait = 1;
          told(found[1], JSON.parse(found[2]));
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      trouble(error instanceof TypeError ? "The server does not answer. Does it still run?" : error.message);
    }
    await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  }
}
