/* The client of the Link session API: one POST for each step, authenticated by the link_token alone. */

// This module is served at link/v2/stable/, below the path at which the site serves the sandbox.
const API = new URL("../../session/", import.meta.url);

const CONNECTION_LOST = {
  error_type: "API_ERROR",
  error_code: "INTERNAL_SERVER_ERROR",
  error_message: "the sandbox could not be reached",
  display_message: "The connection was lost. Check that the sandbox is running, then try again.",
};

/** An error of Plaid's API, with `title`, `retry` and `request_id` for the dialog. */
export class LinkError extends Error {
  constructor(body) {
    super(body.error_message);
    this.name = "LinkError";
    this.title = body.title || "Something went wrong";
    this.retry = body.retry || "";
    this.requestId = body.request_id || "";
    this.fields = {
      error_type: body.error_type,
      error_code: body.error_code,
      error_message: body.error_message,
      display_message: body.display_message ?? null,
    };
  }

  get code() {
    return this.fields.error_code;
  }
}

export class Session {
  constructor(linkToken) {
    this.linkToken = linkToken;
    this.id = "";
    this.requestId = "";
    this.abort = new AbortController();
  }

  /** Send one step and return the body of the response. Throws LinkError, or AbortError after the dialog was closed. */
  async take(step, fields = {}) {
    const result = await this.#post(step, fields, this.abort.signal);
    if (result.link_session_id) this.id = result.link_session_id;
    return result;
  }

  /** Send the status at which the user left, without waiting for a response, because the dialog is closed already. */
  leave(status, error) {
    this.abort.abort();
    if (!this.id) return;
    this.#post("exit", { status, error }).catch((problem) => console.warn(`Link: exit not recorded: ${problem.message}`));
  }

  async #post(step, fields, signal) {
    const body = JSON.stringify({ link_token: this.linkToken, link_session_id: this.id, ...fields });
    const headers = { "Content-Type": "application/json" };
    let response, result;
    try {
      response = await fetch(new URL(step, API), { method: "POST", body, headers, signal, keepalive: step === "exit" });
      result = await response.json();
    } catch (problem) {
      if (problem.name === "AbortError") throw problem;
      throw new LinkError({ ...CONNECTION_LOST, title: "No connection", retry: "pane" });
    }
    this.requestId = result.request_id || "";
    if (result.error || !response.ok) throw new LinkError(result.error || result);
    return result;
  }
}
