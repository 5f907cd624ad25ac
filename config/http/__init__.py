"""What every request passes: the server's worker, the middleware and the limits."""
