"""Link in the browser: a replacement for Plaid's script, its dialog, and the API that the dialog calls."""
