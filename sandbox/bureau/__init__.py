"""The local bureau: a second service of the sandbox, which answers as Experian's Consumer Credit Profile v2 does.

Fourteen made-up people have a credit file each. A file is a story told in months: month 0 is the first report that
anybody asks for, and every month of the sandbox's clock after it turns a page. Whoever asks twice in a month reads
the same page twice.

What is known of the real service is thin outside the report itself. Error texts, the signs of a frozen file and the
rate limit are our own choice; the modules say so where it matters.
"""
