"""The pages of credit: parse the request, call one action, render."""
