/* The sandbox's stand-in for Plaid Link: the same global and the same callbacks, and no real bank.
   Plaid's own contract: https://plaid.com/docs/link/web/ */
(() => {
  "use strict";

  // A second load of this script must not disturb a session that is open.
  if (window.Plaid) return;

  // import() inherits this script's nonce, so a page with a nonce-only policy needs no second entry.
  const loaded = import("./flow.js");

  // What the site hears when the dialog's own files cannot be had: better than a button that does nothing.
  function missing(problem) {
    return {
      error_type: "API_ERROR",
      error_code: "INTERNAL_SERVER_ERROR",
      error_message: problem.message,
      display_message: "The bank window could not be loaded. Check that the sandbox is running, then try again.",
    };
  }

  const NOWHERE = { institution: null, status: null, link_session_id: "", request_id: "" };

  function check(config) {
    if (!config || typeof config.token !== "string" || config.token === "") {
      throw new Error("Missing Link parameter. Link requires a token to be provided.");
    }
    if (typeof config.onSuccess !== "function") {
      throw new Error("Missing Link parameter. Link requires onSuccess to be a function.");
    }
  }

  function create(config) {
    check(config);
    let destroyed = false;
    const flow = loaded.then(({ Flow }) => new Flow(config));
    const alive = (act) => (value) => (destroyed ? null : act(value));
    flow.then(alive(() => config.onLoad?.()));

    return {
      open() {
        flow.then(alive((link) => link.open()), alive((problem) => config.onExit?.(missing(problem), NOWHERE)));
      },
      exit(options, callback) {
        flow.then(alive((link) => link.exit())).then(() => callback?.());
      },
      destroy() {
        flow.then((link) => link.destroy(), () => null);
        destroyed = true;
      },
      // Plaid Layer alone uses this (it submits a phone number). The sandbox plays Link without Layer.
      submit() {},
    };
  }

  window.Plaid = Object.freeze({ create, version: "2.0.0-sandbox" });
})();
