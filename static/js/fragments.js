// What htmx needs to know about this site: when to rest, when to speak, and when a session has ended.
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
  if (answered === asked) return;
  detail.shouldSwap = false;
  window.location.reload();
});

// A sentence that did not change is not read out again.
document.addEventListener("htmx:afterSwap", () => {
  const sentence = document.querySelector("[data-sentence]")?.dataset.sentence;
  if (status && sentence && status.textContent !== sentence) status.textContent = sentence;
});
