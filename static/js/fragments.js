// What htmx needs to know about this site: when to rest, when to speak, when a session has ended, and what has to stay
// as it is when a part of the page is replaced.
// The page's policy lets no text become HTML unless it passes here. htmx puts in what the server has escaped; should a
// script be in it, the policy's nonce still stops that. Nothing passes as a script or as a script's address.
window.trustedTypes?.createPolicy("default", { createHTML: (html) => html });

const status = document.querySelector("[data-poll-status]");

// Nobody looks at a hidden page, so it asks for nothing.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-poll]")) event.preventDefault();
});

// An answer from another address is the sign-in page. It needs the whole window, and so does the way back.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const answered = new URL(detail.xhr.responseURL).pathname;
  const asked = new URL(detail.pathInfo.requestPath, window.location.href).pathname;
  if (answered === asked) return remember(detail.target);
  detail.shouldSwap = false;
  window.location.reload();
});

// A sentence that did not change is not read out again.
document.addEventListener("htmx:afterSwap", () => {
  const sentence = document.querySelector("[data-sentence]")?.dataset.sentence;
  if (status && sentence && status.textContent !== sentence) status.textContent = sentence;
  restore();
  const hint = document.querySelector("[data-outdated]");
  if (hint) hint.hidden = !outdated;
});

// The focus and opened details of a part stay where they are when it is replaced by a newer one.
let place = null;
const keyOf = (element) => element.href || element.name || element.textContent.trim();
const listAlike = (part, { tag, key }) => [...part.querySelectorAll(tag)].filter((other) => keyOf(other) === key);

function remember(part) {
  const focus = document.activeElement;
  place = { id: part.id, open: [...part.querySelectorAll("details")].map((details) => details.open) };
  if (focus.id || !part.contains(focus)) return;
  place.focus = { tag: focus.tagName, key: keyOf(focus) };
  place.index = listAlike(part, place.focus).indexOf(focus);
}

function restore() {
  const part = place?.id && document.getElementById(place.id);
  if (!part) return;
  [...part.querySelectorAll("details")].forEach((details, index) => { details.open ||= Boolean(place.open[index]); });
  if (place.focus) {
    const focus = listAlike(part, place.focus)[place.index] ?? document.getElementById("main");
    focus.focus({ preventScroll: true });
  }
  place = null;
}

// A sync brought new data: the figures of the page are replaced by those that the same address has now. A part in which
// somebody is entering something stays, and a sentence says so.
let outdated = false;
document.addEventListener("input", ({ target }) => target.closest("[data-figures]")?.setAttribute("data-edited", ""));
document.addEventListener("figures-changed", () => {
  const figures = document.querySelector("[data-figures]");
  if (!figures) return;
  outdated = figures.hasAttribute("data-edited");
  if (outdated) return;
  const address = window.location.pathname + window.location.search;
  window.htmx.ajax("GET", address, { source: figures, target: figures, swap: "outerHTML", select: `#${figures.id}` });
});
