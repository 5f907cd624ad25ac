/* Link's window: a native modal dialog in a shadow tree, so that the styles of Link and of the site stay apart. */

import { el, icon } from "./elements.js";

const sheet = new CSSStyleSheet();
const response = await fetch(new URL("link.css", import.meta.url));
if (!response.ok) throw new Error(`Link: the style sheet responded with ${response.status}`);
await sheet.replace(await response.text());

/** Whether Link uses the system's color scheme, because the site does not set one. */
function followsSystem() {
  return getComputedStyle(document.documentElement).colorScheme === "normal";
}

export class Dialog {
  /** Open the window. Esc and the close button call `onClose`; only `close()` closes it. */
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

  /** Replace the current pane, and move the focus to the new one's heading. */
  show(pane) {
    const body = this.#body(pane);
    const form = el("form", { novalidate: true, "data-view": pane.name }, body, this.#footer(pane));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      pane.onSubmit(new FormData(form), form);
    });
    this.onBack = pane.onBack;
    this.back.hidden = !pane.onBack;
    this.content.replaceChildren(form);
    this.#makeScrollable(body);
    this.announce(pane.waiting ? pane.title : "");
    form.querySelector(pane.focus || "h2").focus();
  }

  /** Announce a text to screen readers, without moving the focus. */
  announce(text) {
    this.status.textContent = text;
  }

  /** Make a pane of text that is longer than the window focusable, so that it can be scrolled with keys. */
  #makeScrollable(body) {
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

  #footer(pane) {
    const submit = pane.submit ? el("button", { type: "submit", class: "primary" }, pane.submit) : null;
    const actions = [submit, ...(pane.others || [])].filter(Boolean);
    return actions.length ? el("footer", {}, actions, pane.note ? el("p", { class: "note" }, pane.note) : null) : null;
  }

  /** Close the window; the focus returns to where it was. */
  close() {
    this.window.close();
    this.host.remove();
  }
}
