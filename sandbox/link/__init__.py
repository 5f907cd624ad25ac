"""Link in the browser: a stand-in for Plaid's script, its dialog, and the session API the dialog talks to."""
