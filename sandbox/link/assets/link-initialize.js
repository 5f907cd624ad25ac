/* A replacement for Plaid Link's script, with the same global and the same callbacks.
   Plaid's documentation: https://plaid.com/docs/link/web/ */
(() => {
  "use strict";

  // Loading this script twice must not affect an open session.
  if (window.Plaid) return;

  // import() inherits this script's nonce, so that a content security policy with only a nonce allows it.
  const loaded = import("./flow.js");

  // The error that the site receives if the dialog's files cannot be loaded.
  function loadError(problem) {
    return {
      error_type: "API_ERROR",
      error_code: "INTERNAL_SERVER_ERROR",
      error_message: problem.message,
      display_message: "The bank window could not be loaded. Check that the sandbox is running, then try again.",
    };
  }

  const EXIT_METADATA = { institution: null, status: null, link_session_id: "", request_id: "" };

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
    const unlessDestroyed = (action) => (value) => (destroyed ? null : action(value));
    flow.then(unlessDestroyed(() => config.onLoad?.()));

    return {
      open() {
        flow.then(
          unlessDestroyed((link) => link.open()),
          unlessDestroyed((problem) => config.onExit?.(loadError(problem), EXIT_METADATA)),
        );
      },
      exit(options, callback) {
        flow.then(unlessDestroyed((link) => link.exit())).then(() => callback?.());
      },
      destroy() {
        flow.then((link) => link.destroy(), () => null);
        destroyed = true;
      },
      // Only Plaid Layer uses this, to submit a phone number. The sandbox has no Layer.
      submit() {},
    };
  }

  window.Plaid = Object.freeze({ create, version: "2.0.0-sandbox" });
})();
