"""Isolation: the database itself hides each user's rows from all other users.

``with tenant(owner): ...`` is the only way to reach owned rows. Three barriers enforce it: the queryset of ``Owned``
refuses to run without a tenant, row-level security limits a transaction to its tenant's rows, and composite foreign
keys let a row refer only to rows of its own owner.

Code that can run arbitrary SQL as the site's role can also change the tenant. So row-level security limits mistakes in
queries, and does not protect against SQL injection.
"""

from compliance.isolation.tenant import SYSTEM, NoTenant, TenantMismatch, current_tenant, tenant

__all__ = ["SYSTEM", "NoTenant", "TenantMismatch", "current_tenant", "tenant"]
