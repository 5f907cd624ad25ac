// Opens Plaid Link with the token of this page and posts what came of it as an ordinary form.
const link = document.querySelector("[data-link]");
const status = link.querySelector("[data-status]");
const button = link.querySelector("[data-open]");

function send(form, values) {
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value ?? "";
  form.submit();
}

function finished(publicToken, metadata) {
  status.textContent = link.dataset.textFinished;
  button.disabled = true;
  const { institution, accounts, link_session_id } = metadata;
  send(link.querySelector("[data-finish]"), {
    public_token: publicToken,
    metadata: JSON.stringify({ institution, accounts, link_session_id }),
  });
}

function left(error, metadata) {
  status.textContent = link.dataset.textClosed;
  send(link.querySelector("[data-close]"), {
    error_code: error?.error_code,
    exit_status: metadata?.status,
    request_id: metadata?.request_id,
    link_session_id: metadata?.link_session_id,
  });
}

function open() {
  const options = { token: link.dataset.token, onSuccess: finished, onExit: left };
  if ("oauthReturn" in link.dataset) options.receivedRedirectUri = window.location.href;
  const dialog = window.Plaid.create(options);
  button.hidden = false;
  button.addEventListener("click", () => dialog.open());
  status.textContent = link.dataset.textOpening;
  dialog.open();
}

if (window.Plaid) {
  open();
} else {
  for (const way of link.querySelectorAll("[data-retry], [data-hosted]")) way.hidden = false;
  status.textContent = link.dataset.textBlocked;
}
