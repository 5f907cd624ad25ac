/* The window Link is shown in: a native modal dialog in a shadow tree, so neither page can restyle the other. */

import { el, icon } from "./elements.js";

const sheet = new CSSStyleSheet();
const response = await fetch(new URL("link.css", import.meta.url));
if (!response.ok) throw new Error(`Link: its style sheet answered ${response.status}`);
await sheet.replace(await response.text());

/** Where the site names no color scheme of its own, Link follows the system's. */
function followsSystem() {
  return getComputedStyle(document.documentElement).colorScheme === "normal";
}

export class Dialog {
  /** Open the window. `onClose` is called for Esc and for the close button; nothing closes by itself. */
  constructor(onClose) {
    this.host = el("div", { class: followsSystem() ? "system" : null, "data-sandbox-link": true });
    const shadow = this.host.attachShadow({ mode: "open" });
    shadow.adoptedStyleSheets = [sheet];
    this.back = el("button", { type: "button", class: "round", "aria-label": "Back" }, icon("back"));
    this.content = el("div", { class: "content" });
    this.status = el("p", { role: "status", class: "unseen" });
    const close = el("button", { type: "button", class: "round", "aria-label": "Close", onclick: onClose }, icon("close"));
    const bar = el("header", {}, this.back, el("p", { class: "label" }, "Sandbox – no real bank"), close);
    this.window = el("dialog", { "aria-labelledby": "title" }, bar, this.content, this.status);
    this.window.addEventListener("cancel", (event) => {
      event.preventDefault();
      onClose();
    });
    this.back.addEventListener("click", () => this.onBack());
    shadow.append(this.window);
    document.body.append(this.host);
    this.window.showModal();
  }

  /** Show one pane in place of the last, and put the focus on its heading. */
  show(pane) {
    const body = this.#body(pane);
    const form = el("form", { novalidate: true, "data-view": pane.name }, body, this.#foot(pane));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      pane.onSubmit(new FormData(form), form);
    });
    this.onBack = pane.onBack;
    this.back.hidden = !pane.onBack;
    this.content.replaceChildren(form);
    this.#letScroll(body);
    this.say(pane.waiting ? pane.title : "");
    form.querySelector(pane.focus || "h2").focus();
  }

  /** Tell a screen reader what changed without moving the focus. */
  say(words) {
    this.status.textContent = words;
  }

  /** A pane of words alone that is longer than the window needs the focus to be scrolled by keys. */
  #letScroll(body) {
    if (body.scrollHeight <= body.clientHeight || body.querySelector("button, input")) return;
    body.tabIndex = 0;
    body.setAttribute("role", "group");
    body.setAttribute("aria-labelledby", "title");
  }

  #body(pane) {
    const title = el("h2", { id: "title", tabindex: "-1" }, pane.title);
    const lead = pane.lead ? el("p", { class: "lead" }, pane.lead) : null;
    const error = pane.error ? el("p", { class: "error", role: "alert", id: "error" }, pane.error) : null;
    const heading = el("div", { class: "heading" }, pane.art, title);
    return el("div", { class: pane.centered ? "pane centered" : "pane" }, heading, lead, error, pane.body || []);
  }

  #foot(pane) {
    const submit = pane.submit ? el("button", { type: "submit", class: "primary" }, pane.submit) : null;
    const actions = [submit, ...(pane.others || [])].filter(Boolean);
    return actions.length ? el("footer", {}, actions, pane.note ? el("p", { class: "note" }, pane.note) : null) : null;
  }

  /** Take the window away and give the focus back to where it was. */
  close() {
    this.window.close();
    this.host.remove();
  }
}
