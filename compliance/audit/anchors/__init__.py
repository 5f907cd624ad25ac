"""Anchors: signed copies of the heads of all chains, outside the database, by which a rewritten chain is found.

Every hour one is appended to ``AUDIT_ANCHOR_FILE`` and written to the log. It consists of one or more lines of JSON;
each holds the heads of some chains that have grown since the previous anchor, and is signed with Ed25519. ``root`` is
the Merkle root of the heads of *all* chains, and ``previous`` the SHA-256 of the line before it in the file, so that no
line can be removed from the middle. A new file begins with all heads.

The file is only ever appended to. It is worth what its place is worth: somewhere that whoever can write the database
cannot write, such as another machine's log store.
"""
