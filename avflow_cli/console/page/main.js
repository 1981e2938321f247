/* Which view the address asks for. */
import {address, get, trouble} from "./ask.js";
import {showExecution} from "./execution.js";
import {showList} from "./list.js";
import {byId, make} from "./make.js";

let leave = new AbortController();
let account = null;

async function start() {
  account = await get("account");
  byId("account").textContent = account.title + (account.mayWrite ? "" : ", read only");
  byId("machine").append(...account.machines.map(({arn, name}) => make("option", {value: arn}, name)));
  byId("machine").addEventListener("change", () => { location.hash = address("m", byId("machine").value); });
}

async function show() {
  leave.abort();
  leave = new AbortController();
  const {signal} = leave;
  const [, kind, value] = location.hash.slice(1).split("/");
  const arn = value ? decodeURIComponent(value) : account.machines[0].arn;
  byId("home").href = address();
  const machine = kind === "e" ? arn.replace(":execution:", ":stateMachine:").split(":").slice(0, 7).join(":") : arn;
  if ([...byId("machine").options].some((option) => option.value === machine)) byId("machine").value = machine;
  byId("view").replaceChildren();
  trouble("");
  try {
    await (kind === "e" ? showExecution(byId("view"), account, arn, signal)
      : showList(byId("view"), account, arn, signal));
  } catch (error) {
    if (!signal.aborted) trouble(error.message);
  }
  document.documentElement.dataset.ready = "";
}

/* the address behind the # belongs to the token and the view */
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("view").focus();
});

try {
  await start();
  window.addEventListener("hashchange", show);
  await show();
} catch (error) {
  trouble(error.message);
  document.documentElement.dataset.ready = "";
}
