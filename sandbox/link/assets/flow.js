/* The way through Link: which pane follows which, and what the site is told on the way.
   The server names the next view; this file shows it, reports it and sends the answer back.
   Events, callbacks and their shapes: https://plaid.com/docs/link/web/ */

import { Dialog } from "./dialog.js";
import * as panes from "./panes.js";
import { LinkError, Session } from "./session.js";

const SEARCH_PAUSE = 200; // milliseconds of quiet before a search is sent

const EVENT_FACTS = {
  account_number_mask: null, error_code: null, error_message: null, error_type: null, exit_status: null,
  institution_id: null, institution_name: null, institution_search_query: null, mfa_type: null, selection: null,
  view_name: null,
};

const MFA_STATUS = {
  code: "requires_code", device: "choose_device", questions: "requires_questions", selections: "requires_selections",
};

/** One Link as the site created it. It can be opened again after it was closed. */
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
    Object.assign(this, { facts: null, institution: null, status: null, error: null, result: null, again: null });
    this.dialog = new Dialog(() => this.leave());
    this.#draw(panes.waiting("Opening"));
    await this.#take("open", {}, (answer) => {
      this.facts = answer;
      this.institution = answer.institution;
      this.#tell("OPEN");
      this.#follow(answer);
    });
  }

  /** The site asks Link to go away: the same as the person closing it. */
  exit() {
    if (Flow.current === this) this.leave();
  }

  /** Take Link away without a word to the site. */
  destroy() {
    if (Flow.current !== this) return;
    if (!this.result) this.session.leave(this.status, this.error && this.error.facts);
    this.#vanish();
  }

  /** The person closes the dialog. Once the bank is connected that means "done", not "never mind". */
  leave() {
    if (this.result) {
      this.#finish();
      return;
    }
    const facts = this.error ? this.error.facts : null;
    this.session.leave(this.status, facts);
    this.#tell("EXIT", { exit_status: this.status, ...this.#errorFacts() });
    this.#vanish();
    this.config.onExit?.(facts, this.#exitFacts());
  }

  // --- the panes, in order --------------------------------------------------------------------------------

  #consent() {
    const { client_name: clientName, products } = this.facts;
    const onContinue = () => (this.institution ? this.#credentials() : this.#institutions());
    this.#view("CONSENT", null, panes.consent({ clientName, products, onContinue }));
  }

  #institutions() {
    let timer = null;
    let asked = "";
    const pane = panes.institutions({
      query: "",
      onChoose: (bank) => this.#choose(bank),
      onBack: () => this.#consent(),
      onSearch: (query) => {
        clearTimeout(timer);
        timer = setTimeout(() => {
          if (query === asked) return;
          asked = query;
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
    await this.#take("institutions", { query }, ({ institutions: found, query: answered }) => {
      if (answered !== query || this.pane !== pane) return;
      if (query) this.#tell("SEARCH_INSTITUTION", { institution_search_query: query });
      this.status = found.length ? null : "institution_not_found";
      this.dialog.say(found.length === 1 ? "1 bank" : `${found.length} banks`);
      pane.fill(found);
    });
  }

  #choose(bank) {
    this.institution = bank;
    this.#tell("SELECT_INSTITUTION");
    this.#credentials();
  }

  #credentials(error = "", username = "") {
    const { people, mode } = this.facts;
    const onSubmit = (typed) => this.#signIn(typed);
    const onBack = mode === "update" ? null : () => (this.facts.institution ? this.#consent() : this.#institutions());
    const pane = panes.credentials({ institution: this.institution, people, username, error, onSubmit, onBack });
    this.#view("CREDENTIAL", "requires_credentials", pane);
  }

  async #signIn(typed) {
    this.#tell("SUBMIT_CREDENTIALS");
    this.#wait(`Signing in to ${this.institution.name}`);
    this.again = (error) => this.#credentials(error, typed.username);
    await this.#take("credentials", { institution_id: this.institution.institution_id, ...typed });
  }

  #mfa({ mfa }, error = "") {
    const onSubmit = (answers) => this.#prove(mfa, answers);
    const pane = panes.mfa({ institution: this.institution, ...mfa, error, onSubmit });
    this.#view("MFA", MFA_STATUS[mfa.type], pane, { mfa_type: mfa.type });
  }

  async #prove(mfa, answers) {
    this.#tell("SUBMIT_MFA", { mfa_type: mfa.type });
    this.#wait("Checking your answer");
    this.again = (error) => this.#mfa({ mfa }, error);
    await this.#take("mfa", { answers });
  }

  #accounts(answer, error = "") {
    const onSubmit = (chosen) => (chosen.length ? this.#share(answer, chosen)
      : this.#accounts({ ...answer, accounts: unticked(answer.accounts) }, "Tick at least one account."));
    const { client_name: clientName } = this.facts;
    const pane = panes.accounts({ institution: this.institution, accounts: answer.accounts, clientName, error, onSubmit });
    this.#view("SELECT_ACCOUNT", "requires_account_selection", pane);
  }

  async #share(answer, chosen) {
    this.#wait("Connecting your accounts");
    this.again = (error) => this.#accounts(answer, error);
    await this.#take("accounts", { account_ids: chosen });
  }

  #connected(answer) {
    this.result = answer;
    const { client_name: clientName, mode } = this.facts;
    const count = answer.metadata.accounts.length;
    const updated = mode === "update";
    const onSubmit = () => this.#finish();
    this.#view("CONNECTED", null, panes.connected({ institution: this.institution, count, clientName, updated, onSubmit }));
  }

  #finish() {
    const { public_token: publicToken, metadata } = this.result;
    this.#tell("HANDOFF");
    this.#vanish();
    this.config.onSuccess(publicToken, metadata);
  }

  // --- how the server's answers are followed ---------------------------------------------------------------

  /** Take one step. Without `next` the answer itself names the view to show. */
  async #take(step, facts, next = (answer) => this.#follow(answer)) {
    let answer;
    try {
      answer = await this.session.take(step, facts);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if (!(problem instanceof LinkError)) throw problem;
      this.#refused(problem);
      return;
    }
    if (step !== "institutions") this.error = null;
    next(answer);
  }

  #follow(answer) {
    if (answer.institution) this.institution = answer.institution;
    const views = {
      CONSENT: () => this.#consent(),
      CREDENTIAL: () => this.#credentials(),
      MFA: () => this.#mfa(answer),
      SELECT_ACCOUNT: () => this.#accounts(answer),
      CONNECTED: () => this.#connected(answer),
    };
    views[answer.view]();
  }

  #refused(problem) {
    this.error = problem;
    if (!this.facts) this.#tell("OPEN");
    this.#tell("ERROR", this.#errorFacts());
    if (problem.code === "INVALID_LINK_TOKEN") this.leave();
    else if (problem.retry === "pane" && this.again) this.again(problem.facts.display_message);
    else this.#failure(problem);
  }

  #failure(problem) {
    const update = this.facts?.mode === "update";
    const onRetry = problem.retry === "credentials" && this.institution ? () => this.#credentials() : null;
    const onChoose = problem.retry !== "" && this.facts && !update ? () => this.#institutions() : null;
    this.#view("ERROR", this.status, panes.failure({ problem, onRetry, onChoose, onClose: () => this.leave() }));
  }

  // --- what is drawn, and what the site hears -------------------------------------------------------------

  #view(name, status, pane, facts = {}) {
    this.status = status;
    this.#draw(pane);
    this.#tell("TRANSITION_VIEW", { view_name: name, ...facts });
  }

  #wait(words) {
    this.#draw(panes.waiting(words));
    this.#tell("TRANSITION_VIEW", { view_name: "LOADING" });
  }

  #draw(pane) {
    this.pane = pane;
    this.dialog.show(pane);
  }

  #vanish() {
    this.dialog.close();
    Flow.current = null;
  }

  #tell(name, facts = {}) {
    this.config.onEvent?.(name, {
      ...EVENT_FACTS,
      institution_id: this.institution?.institution_id ?? null,
      institution_name: this.institution?.name ?? null,
      link_session_id: this.session.id,
      request_id: this.session.requestId,
      timestamp: new Date().toISOString(),
      ...facts,
    });
  }

  #errorFacts() {
    if (!this.error) return {};
    const { error_type, error_code, error_message } = this.error.facts;
    return { error_type, error_code, error_message };
  }

  #exitFacts() {
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
