"""Pages about banks: parse the request, call one deed, answer."""
