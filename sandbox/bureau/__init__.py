"""The local bureau: a second service of the sandbox, with the API of Experian's Consumer Credit Profile v2.

Each of the fifteen personas, made-up consumers, has a credit file that changes from month to month. Month 0 is the
month of the first report that is requested; later months follow the sandbox's clock. Two reports of one month have the
same contents.

Little is published about the real service except its report. Error messages, the form of a frozen file and the rate
limit are our own choice; the modules say so where it matters.
"""
