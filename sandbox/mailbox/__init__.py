"""The mailbox: it receives the site's mail by SMTP and shows it in the browser. No mail leaves the machine."""
