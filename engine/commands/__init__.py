"""Everything an operator may do, and the one way to change anything.

Each command decides inside the transaction that writes, by the clock read there, and leaves an audit event.
"""
