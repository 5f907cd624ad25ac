"""Words for values, without Django: what pages, mails and alerts say alike."""
