"""Keep it apart: one person's rows are out of reach for everybody else, by the database's own rules.

``with tenant(owner): ...`` is the only door to owned rows. Three fences stand behind it: the queryset of
``Owned`` refuses to run without a tenant, row-level security shows a transaction its tenant's rows alone, and
composite foreign keys let a row point at rows of its own owner only.

What this does not stop: whoever can run SQL of their own choice as the site's role can also change the
binding. Row-level security limits mistakes in queries; it is no answer to SQL injection.
"""

from compliance.isolation.tenant import SYSTEM, NoTenant, TenantMismatch, current_tenant, tenant

__all__ = ["SYSTEM", "NoTenant", "TenantMismatch", "current_tenant", "tenant"]
