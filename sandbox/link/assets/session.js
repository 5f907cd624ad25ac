/* The browser's side of the Link session API: one POST per step, known to the server by the link_token alone. */

// This module lies at link/v2/stable/, under whatever path the site serves the sandbox at.
const API = new URL("../../session/", import.meta.url);

const CONNECTION_LOST = {
  error_type: "API_ERROR",
  error_code: "INTERNAL_SERVER_ERROR",
  error_message: "the sandbox could not be reached",
  display_message: "The connection was lost. Check that the sandbox is running, then try again.",
};

/** A refusal in Plaid's own words. `title`, `retry` and `request_id` come along for the dialog. */
export class LinkError extends Error {
  constructor(body) {
    super(body.error_message);
    this.name = "LinkError";
    this.title = body.title || "Something went wrong";
    this.retry = body.retry || "";
    this.requestId = body.request_id || "";
    this.facts = {
      error_type: body.error_type,
      error_code: body.error_code,
      error_message: body.error_message,
      display_message: body.display_message ?? null,
    };
  }

  get code() {
    return this.facts.error_code;
  }
}

export class Session {
  constructor(linkToken) {
    this.linkToken = linkToken;
    this.id = "";
    this.requestId = "";
    this.abort = new AbortController();
  }

  /** Take one step and return the server's answer. Raises LinkError; AbortError once the dialog is closed. */
  async take(step, facts = {}) {
    const answer = await this.#post(step, facts, this.abort.signal);
    if (answer.link_session_id) this.id = answer.link_session_id;
    return answer;
  }

  /** Tell the server how the person left. Nobody waits for it: the dialog is gone already. */
  leave(status, error) {
    this.abort.abort();
    if (!this.id) return;
    this.#post("exit", { status, error }).catch((problem) => console.warn(`Link: exit not recorded: ${problem.message}`));
  }

  async #post(step, facts, signal) {
    const body = JSON.stringify({ link_token: this.linkToken, link_session_id: this.id, ...facts });
    const headers = { "Content-Type": "application/json" };
    let response, answer;
    try {
      response = await fetch(new URL(step, API), { method: "POST", body, headers, signal, keepalive: step === "exit" });
      answer = await response.json();
    } catch (problem) {
      if (problem.name === "AbortError") throw problem;
      throw new LinkError({ ...CONNECTION_LOST, title: "No connection", retry: "pane" });
    }
    this.requestId = answer.request_id || "";
    if (answer.error || !response.ok) throw new LinkError(answer.error || answer);
    return answer;
  }
}
