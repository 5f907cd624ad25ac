"""The *plain dashboard*: the overview with nothing but Django's own features, with which the site is compared.

Seven queries besides the session's, one for each part of the page, and whole models in a Django template. No row-level
security, no compression, no content security policy, none of this project's code. It reads the site's tables.
"""
