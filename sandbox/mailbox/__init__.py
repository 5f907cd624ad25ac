"""The mailbox: mail the site sends comes in by SMTP and is read in the browser. None of it leaves the machine."""
