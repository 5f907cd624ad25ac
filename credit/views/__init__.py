"""Pages about credit reports: parse the request, call one deed, answer."""
