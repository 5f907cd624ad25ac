// Opens the browser's passkey dialog and sends what it answers with the form that asked. Without this script, and in
// browsers without passkeys, the forms stay hidden.

async function question(form) {
  const here = document.getElementById("passkey-question");
  if (here) return JSON.parse(here.textContent);
  const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(answer.status);
  return answer.json();
}

function create({ creation_options: options }) {
  // A key that its device finds by itself, behind a fingerprint or PIN: the only kind that replaces a password.
  Object.assign(options.publicKey.authenticatorSelection, {
    residentKey: "required",
    requireResidentKey: true,
    userVerification: "required",
  });
  return window.webauthnJSON.create(options);
}

async function use(event) {
  const form = event.target;
  const problem = form.querySelector("[data-problem]");
  event.preventDefault();
  problem.textContent = "";
  try {
    const asked = await question(form);
    const answer = form.dataset.passkey === "create" ? await create(asked) : await window.webauthnJSON.get(asked.request_options);
    form.elements.credential.value = JSON.stringify(answer);
    form.submit();
  } catch {
    problem.textContent = problem.dataset.textFailed;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", use);
  }
}
