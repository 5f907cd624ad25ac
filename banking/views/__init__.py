"""Pages about banks: parse the request, call one action, respond."""
