"""The *plain dashboard*: the overview as the stock parts of Django make it, for the site to be held against.

Seven queries besides the session's, one for each thing on the page, whole models in a stock template. No row-level
security, no compression, no content policy, none of this project's code. It reads the site's own tables.
"""
