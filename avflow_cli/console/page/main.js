/* Which view the address asks for. */
import {address, get, pause, token, trouble} from "./ask.js";
import {showExecution} from "./execution.js";
import {showList} from "./list.js";
import {byId, make} from "./make.js";
import {takeDrops} from "./uploads.js";

let leave = new AbortController();
let account = null;
/* the token with which the account was read: the address of a server that was started again has another one */
let known = null;

async function start(signal) {
  account = await get("account", {}, signal);
  known = token();
  byId("account").textContent = account.title + (account.mayWrite ? "" : ", read only");
  byId("machine").replaceChildren(...account.machines.map(({arn, name}) => make("option", {value: arn}, name)));
  takeDrops(account.mayWrite);
}

async function show(signal) {
  if (known !== token()) await start(signal);
  const [, kind, value] = location.hash.slice(1).split("/");
  const arn = value ? decoded(value) : account.machines[0].arn;
  byId("home").href = address();
  const machine = kind === "e" ? arn.replace(":execution:", ":stateMachine:").split(":").slice(0, 7).join(":") : arn;
  if ([...byId("machine").options].some((option) => option.value === machine)) byId("machine").value = machine;
  byId("view").replaceChildren();
  await (kind === "e" ? showExecution(byId("view"), account, arn, signal)
    : showList(byId("view"), account, arn, signal));
}

function decoded(text) {
  try { return decodeURIComponent(text); } catch { throw new Error("This address is not whole."); }
}

/* What fails in passing is tried again, as long as the view is wanted. */
async function look() {
  leave.abort();
  leave = new AbortController();
  const {signal} = leave;
  trouble("");
  for (let wait = 1, again = true; again; wait = Math.min(wait * 2, 30)) {
    try {
      await show(signal);
      if (wait > 1 && !signal.aborted) trouble("");
      again = false;
    } catch (error) {
      if (!signal.aborted) trouble(error.message);
      again = error.passes === true;
    }
    document.documentElement.dataset.ready = "";
    if (again) await pause(wait, signal);
    again &&= !signal.aborted;
  }
}

/* the address behind the # belongs to the token and the view */
byId("skip").addEventListener("click", (event) => {
  event.preventDefault();
  byId("view").focus();
});
byId("machine").addEventListener("change", () => { location.hash = address("m", byId("machine").value); });
window.addEventListener("hashchange", () => {
  window.scrollTo(0, 0);
  byId("view").focus();
  look();
});
await look();
