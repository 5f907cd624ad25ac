"""Isolation: the database itself keeps each person's rows out of reach of everybody else.

``with tenant(owner): ...`` is the only way to reach owned rows. Three barriers enforce it: the queryset of ``Owned``
refuses to run without a tenant, row-level security limits a transaction to its tenant's rows, and composite foreign
keys let a row refer only to rows of its own owner.

What this does not stop: whoever can run arbitrary SQL as the site's role can also change the tenant. Row-level security
limits mistakes in queries; it does not protect against SQL injection.
"""

from compliance.isolation.tenant import SYSTEM, NoTenant, TenantMismatch, current_tenant, tenant

__all__ = ["SYSTEM", "NoTenant", "TenantMismatch", "current_tenant", "tenant"]
