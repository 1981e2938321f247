/* The table of an execution's events: all of them, a part at a time. */
import {get, trouble} from "./ask.js";
import {block, clock, make} from "./make.js";

export class EventTable {
  constructor(arn, signal) {
    [this.arn, this.signal, this.loaded, this.all, this.follows] = [arn, signal, 0, 0, true];
    this.body = make("tbody");
    this.more = make("button", {type: "button", hidden: true}, "More events");
    this.more.addEventListener("click", () => this.load());
    const head = ["Number", "Time (UTC)", "Type", "State", "After", ""].map((text) => make("th",
      {scope: "col", className: ["Number", "After"].includes(text) ? "number" : ""}, text || "Details"));
    this.element = make("section", {"aria-labelledby": "events-title"}, make("h2", {id: "events-title"}, "Events"),
      make("div", {className: "wide long", tabIndex: 0, role: "region", "aria-label": "All events"}, make("table", {id: "events"}, make("thead", {}, make("tr", {}, ...head)),
        this.body)), this.more);
  }

  /* There are so many events now. They follow at once as long as all before them are shown. */
  grow(all) {
    this.all = Math.max(this.all, all);
    if (this.follows) this.load();
    else this.more.hidden = false;
  }

  async load() {
    if (this.loading) return;
    this.loading = true;
    let missed = false;
    try {
      const {events, all} = await get("events", {arn: this.arn, after: this.loaded}, this.signal);
      this.body.append(...events.map((event) => this.row(event)));
      this.loaded += events.length;
      this.follows = this.loaded >= all;
      this.more.hidden = this.follows;
      missed = this.follows && events.length > 0 && this.loaded < this.all;  // more were told of while it was asked
    } catch (error) {
      if (!this.signal.aborted) trouble(error.message);
    } finally {
      this.loading = false;
    }
    if (missed) this.load();
  }

  row(event) {
    const cell = make("td");
    const open = make("button", {type: "button", "aria-label": `Details of event ${event.id}`}, "{ }");
    open.addEventListener("click", async () => {
      try {
        const found = await get("event", {arn: this.arn, id: event.id}, this.signal);
        open.replaceWith(block(JSON.stringify(found, null, 2), `Event ${event.id}`));
      } catch (error) {
        if (!this.signal.aborted) trouble(error.message);
      }
    });
    cell.append(open);
    return make("tr", {}, make("td", {className: "number"}, String(event.id)),
      make("td", {className: "when"}, clock(event.time * 1000)), make("td", {}, event.type),
      make("td", {dir: "auto"}, event.state), make("td", {className: "number"}, String(event.before || "")), cell);
  }
}
