/* The flow of Link: the order of its panes, and the events and callbacks that the site receives.
   The server names the next view; this file shows it, emits its event and sends the user's input.
   Events, callbacks and their fields: https://plaid.com/docs/link/web/ */

import { Dialog } from "./dialog.js";
import * as panes from "./panes.js";
import { LinkError, Session } from "./session.js";

const SEARCH_PAUSE = 200; // milliseconds without typing before a search is sent

const EVENT_FIELDS = {
  account_number_mask: null, error_code: null, error_message: null, error_type: null, exit_status: null,
  institution_id: null, institution_name: null, institution_search_query: null, mfa_type: null, selection: null,
  view_name: null,
};

const MFA_STATUS = {
  code: "requires_code", device: "choose_device", questions: "requires_questions", selections: "requires_selections",
};

/** One Link handler that the site has created. It can be opened again after it was closed. */
export class Flow {
  static current = null;

  constructor(config) {
    this.config = config;
  }

  async open() {
    if (Flow.current) {
      console.warn("Link is already open.");
      return;
    }
    Flow.current = this;
    this.session = new Session(this.config.token);
    Object.assign(this, { siteInfo: null, institution: null, status: null, error: null, result: null, again: null });
    this.dialog = new Dialog(() => this.leave());
    this.#show(panes.waiting("Opening"));
    await this.#take("open", {}, (response) => {
      this.siteInfo = response;
      this.institution = response.institution;
      this.#emit("OPEN");
      this.#follow(response);
    });
  }

  /** The site closes Link: the same as the user closing it. */
  exit() {
    if (Flow.current === this) this.leave();
  }

  /** Close Link without calling the site back. */
  destroy() {
    if (Flow.current !== this) return;
    if (!this.result) this.session.leave(this.status, this.error && this.error.fields);
    this.#close();
  }

  /** The user closes the dialog. Once the bank is connected, this is a success and not an exit. */
  leave() {
    if (this.result) {
      this.#finish();
      return;
    }
    const fields = this.error ? this.error.fields : null;
    this.session.leave(this.status, fields);
    this.#emit("EXIT", { exit_status: this.status, ...this.#errorFields() });
    this.#close();
    this.config.onExit?.(fields, this.#exitMetadata());
  }

  // --- the panes, in order --------------------------------------------------------------------------------

  #consent() {
    const { client_name: clientName, products } = this.siteInfo;
    const onContinue = () => (this.institution ? this.#credentials() : this.#institutions());
    this.#view("CONSENT", null, panes.consent({ clientName, products, onContinue }));
  }

  #institutions() {
    let timer = null;
    let lastQuery = "";
    const pane = panes.institutions({
      query: "",
      onChoose: (bank) => this.#choose(bank),
      onBack: () => this.#consent(),
      onSearch: (query) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          if (query === lastQuery) return;
          lastQuery = query;
          this.#search(pane, query);
        }, SEARCH_PAUSE);
      },
    });
    this.institution = null;
    this.again = null;
    this.#view("SELECT_INSTITUTION", null, pane);
    this.#search(pane, "");
  }

  async #search(pane, query) {
    await this.#take("institutions", { query }, ({ institutions: banks, query: responseQuery }) => {
      if (responseQuery !== query || this.pane !== pane) return;
      if (query) this.#emit("SEARCH_INSTITUTION", { institution_search_query: query });
      this.status = banks.length ? null : "institution_not_found";
      this.dialog.announce(banks.length === 1 ? "1 bank" : `${banks.length} banks`);
      pane.fill(banks);
    });
  }

  #choose(bank) {
    this.institution = bank;
    this.#emit("SELECT_INSTITUTION");
    this.#credentials();
  }

  #credentials(error = "", username = "") {
    const { logins, mode } = this.siteInfo;
    const onSubmit = (credentials) => this.#signIn(credentials);
    const goBack = () => (this.siteInfo.institution ? this.#consent() : this.#institutions());
    const onBack = mode === "update" ? null : goBack;
    const pane = panes.credentials({ institution: this.institution, logins, username, error, onSubmit, onBack });
    this.#view("CREDENTIAL", "requires_credentials", pane);
  }

  async #signIn(credentials) {
    this.#emit("SUBMIT_CREDENTIALS");
    this.#showWaiting(`Signing in to ${this.institution.name}`);
    this.again = (error) => this.#credentials(error, credentials.username);
    await this.#take("credentials", { institution_id: this.institution.institution_id, ...credentials });
  }

  #mfa({ mfa }, error = "") {
    const onSubmit = (answers) => this.#submitMfa(mfa, answers);
    const pane = panes.mfa({ institution: this.institution, ...mfa, error, onSubmit });
    this.#view("MFA", MFA_STATUS[mfa.type], pane, { mfa_type: mfa.type });
  }

  async #submitMfa(mfa, answers) {
    this.#emit("SUBMIT_MFA", { mfa_type: mfa.type });
    this.#showWaiting("Checking your answer");
    this.again = (error) => this.#mfa({ mfa }, error);
    await this.#take("mfa", { answers });
  }

  #accounts(response, error = "") {
    const onSubmit = (accountIds) => (accountIds.length ? this.#share(response, accountIds)
      : this.#accounts({ ...response, accounts: unticked(response.accounts) }, "Tick at least one account."));
    const { client_name: clientName } = this.siteInfo;
    const { accounts } = response;
    const pane = panes.accounts({ institution: this.institution, accounts, clientName, error, onSubmit });
    this.#view("SELECT_ACCOUNT", "requires_account_selection", pane);
  }

  async #share(response, accountIds) {
    this.#showWaiting("Connecting your accounts");
    this.again = (error) => this.#accounts(response, error);
    await this.#take("accounts", { account_ids: accountIds });
  }

  #connected(response) {
    this.result = response;
    const { client_name: clientName, mode } = this.siteInfo;
    const count = response.metadata.accounts.length;
    const updated = mode === "update";
    const onSubmit = () => this.#finish();
    this.#view("CONNECTED", null, panes.connected({ institution: this.institution, count, clientName, updated, onSubmit }));
  }

  #finish() {
    const { public_token: publicToken, metadata } = this.result;
    this.#emit("HANDOFF");
    this.#close();
    this.config.onSuccess(publicToken, metadata);
  }

  // --- responses of the server ------------------------------------------------------------------------------

  /** Send one step and pass the response to `next`, which by default shows the view that it names. */
  async #take(step, fields, next = (response) => this.#follow(response)) {
    let response;
    try {
      response = await this.session.take(step, fields);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!(problem instanceof LinkError)) throw problem;
      this.#handleError(problem);
      return;
    }
    if (step !== "institutions") this.error = null;
    next(response);
  }

  #follow(response) {
    if (response.institution) this.institution = response.institution;
    const views = {
      CONSENT: () => this.#consent(),
      CREDENTIAL: () => this.#credentials(),
      MFA: () => this.#mfa(response),
      SELECT_ACCOUNT: () => this.#accounts(response),
      CONNECTED: () => this.#connected(response),
    };
    views[response.view]();
  }

  #handleError(problem) {
    this.error = problem;
    if (!this.siteInfo) this.#emit("OPEN");
    this.#emit("ERROR", this.#errorFields());
    if (problem.code === "INVALID_LINK_TOKEN") this.leave();
    else if (problem.retry === "pane" && this.again) this.again(problem.fields.display_message);
    else this.#showFailure(problem);
  }

  #showFailure(problem) {
    const update = this.siteInfo?.mode === "update";
    const onRetry = problem.retry === "credentials" && this.institution ? () => this.#credentials() : null;
    const onChoose = problem.retry !== "" && this.siteInfo && !update ? () => this.#institutions() : null;
    this.#view("ERROR", this.status, panes.failure({ problem, onRetry, onChoose, onClose: () => this.leave() }));
  }

  // --- panes and events -------------------------------------------------------------------------------------

  #view(name, status, pane, fields = {}) {
    this.status = status;
    this.#show(pane);
    this.#emit("TRANSITION_VIEW", { view_name: name, ...fields });
  }

  #showWaiting(text) {
    this.#show(panes.waiting(text));
    this.#emit("TRANSITION_VIEW", { view_name: "LOADING" });
  }

  #show(pane) {
    this.pane = pane;
    this.dialog.show(pane);
  }

  #close() {
    this.dialog.close();
    Flow.current = null;
  }

  #emit(name, fields = {}) {
    this.config.onEvent?.(name, {
      ...EVENT_FIELDS,
      institution_id: this.institution?.institution_id ?? null,
      institution_name: this.institution?.name ?? null,
      link_session_id: this.session.id,
      request_id: this.session.requestId,
      timestamp: new Date().toISOString(),
      ...fields,
    });
  }

  #errorFields() {
    if (!this.error) return {};
    const { error_type, error_code, error_message } = this.error.fields;
    return { error_type, error_code, error_message };
  }

  #exitMetadata() {
    const bank = this.institution;
    return {
      institution: bank ? { name: bank.name, institution_id: bank.institution_id } : null,
      status: this.status,
      link_session_id: this.session.id,
      request_id: this.session.requestId,
    };
  }
}

function unticked(accounts) {
  return accounts.map((account) => ({ ...account, ticked: false }));
}
