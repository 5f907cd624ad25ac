"""HTTP below the views: the web server's worker, middleware, rate limits and message storage."""
