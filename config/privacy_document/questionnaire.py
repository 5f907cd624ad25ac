"""Answers to the questions that Plaid asks before it gives a site access to real banks, each with its evidence.

Plaid publishes no text of its questionnaire. These questions are paraphrased, and numbered, as companies that answered
them have published them. Tests check that every file and every test exists.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question, what the software lets an operator answer, and what the operator has to answer without it.

    ``files`` are paths in the repository. ``tests`` are tests that fail if the answer is no longer true, as
    ``path::name``.
    """

    topic: str
    question: str
    answer: str
    operator: str = ""
    files: tuple[str, ...]
    tests: tuple[str, ...] = ()


QUESTIONS: Final = (
    Question(
        topic="Security contact",
        question="Who is responsible for information security, and how can they be reached?",
        answer=(
            "The help page shows the address in `SUPPORT_EMAIL`, to which users report vulnerabilities. A site does "
            "not start with an invalid one."
        ),
        operator="The name, the title and the address, best one that several people read.",
        files=("SECURITY.md", "config/checks/site.py"),
        tests=("config/tests/test_views.py::test_it_shows_the_support_address",),
    ),
    Question(
        topic="Security policy",
        question="Do you have a written policy and procedures for information security, and are they in operation?",
        answer=(
            "The software is not a policy. It gives one its technical part: what is protected and what is not, how "
            "administrators get access, how keys rotate, and the checklist for breaches in this document."
        ),
        operator="The policy itself: who decides, who reviews it and when, training, and the risk assessment.",
        files=("SECURITY.md", "docs/operators.md", "docs/system-checks.md"),
    ),
    Question(
        topic="Access to production",
        question="How do you limit access to production systems and to sensitive data?",
        answer=(
            "Each part of the site has a database role with the least privileges, and row-level security shows it only "
            "the rows of one user at a time. Administrators have a read-only site; bank and credit data of a user "
            "needs a written reason, expires after 15 minutes, and is shown to that user. Each such access is recorded "
            "before anything is shown, and `manage.py deactivate_user` ends the access of an administrator who leaves."
        ),
        operator=(
            "Access to the hosts, the database server, the code and Plaid's dashboard; how often it is reviewed; how "
            "it ends when somebody leaves."
        ),
        files=(
            "compliance/isolation/roles.py",
            "accounts/operators/break_glass.py",
            "accounts/deactivation.py",
            "docs/operators.md",
        ),
        tests=(
            "config/tests/test_isolation.py::test_it_isolates_every_owned_table_by_one_policy",
            "config/tests/test_isolation.py::test_it_serves_users_with_an_unprivileged_role",
            "config/tests/test_operators.py::test_it_lets_its_role_read_only_the_shown_columns",
            "accounts/tests/test_data_accesses.py::test_it_shows_no_row_if_the_view_cannot_be_recorded",
            "accounts/tests/test_sessions.py::test_operators_deactivate_an_account_and_undo_it",
        ),
    ),
    Question(
        topic="Second factor of consumers",
        question="Do consumers use multi-factor authentication before Plaid Link opens?",
        answer=(
            "With `REQUIRE_SECOND_FACTOR_TO_LINK=1`, yes: a new bank can be connected only in a session that has used "
            "a second factor. Without this setting, which is off by default, the second factor is each user's choice, "
            "and the answer is no. Passkeys resist phishing; codes of an authenticator app and recovery codes do not. "
            "To reconnect a bank, a user needs no second factor in either case."
        ),
        operator="Which of the two you have set, with a screenshot of the page that asks for the second factor.",
        files=("accounts/mfa/step_up.py", "banking/views/linking.py", "docs/identity.md"),
        tests=(
            "banking/tests/test_views_linking.py::test_it_requires_a_second_factor_if_the_setting_says_so",
            "accounts/tests/test_step_up.py::test_it_requires_the_factor_in_a_session_without_it",
            "accounts/tests/test_in_the_browser.py::test_it_creates_a_passkey_and_signs_in_with_only_that",
            "accounts/tests/test_second_step.py::test_it_signs_nobody_in_before_the_second_step",
        ),
    ),
    Question(
        topic="Second factor of administrators",
        question="Is multi-factor authentication required for the systems that store or process consumers' data?",
        answer=(
            "For the operators' site, yes: staff without a second factor can do nothing but set one up, and the data "
            "of one user needs a proof that is at most five minutes old."
        ),
        operator="The second factor for hosts, the database server, the code, the mail server and Plaid's dashboard.",
        files=("accounts/mfa/middleware.py", "accounts/operators/site.py"),
        tests=(
            "accounts/tests/test_middleware.py::test_it_redirects_staff_without_a_second_factor_to_set_one_up",
            "accounts/tests/test_operators.py::test_it_requires_the_second_factor_in_a_session_without_it",
            "accounts/tests/test_data_accesses.py::test_it_requires_a_recent_second_factor",
        ),
    ),
    Question(
        topic="Encryption in transit",
        question="Is data between clients and servers encrypted with TLS 1.2 or later?",
        answer=(
            "The site redirects plain requests, sends HSTS for two years, and marks its cookies as secure. Its own "
            "requests to Plaid and Experian are sent only over verified TLS. `check --deploy`, which the release step "
            "runs, warns if emails, Redis or PostgreSQL on another host are not encrypted and verified."
        ),
        operator=(
            "The proxy in front of the site chooses the versions of TLS. `docs/nginx.conf` is an example that accepts "
            "only 1.2 and 1.3."
        ),
        files=("config/settings.py", "docs/nginx.conf", "config/checks/encryption.py", "banking/plaid/transport.py"),
        tests=(
            "config/tests/test_views.py::test_it_requires_tls_for_two_years",
            "config/tests/test_views.py::test_it_redirects_plain_requests_to_tls",
            "config/tests/test_encryption_checks.py::test_it_warns_of_an_unencrypted_or_unverified_database",
            "banking/tests/test_plaid_transport.py::test_it_sends_nothing_to_a_host_with_an_untrusted_certificate",
            "credit/tests/test_experian_client.py::test_it_sends_nothing_to_a_host_with_an_untrusted_certificate",
        ),
    ),
    Question(
        topic="Encryption at rest",
        question="Is the data that you receive from Plaid encrypted where it is stored?",
        answer=(
            "In part. Access tokens, link tokens and what notifications say are encrypted by the application, with "
            "AES-256-GCM under a key per user. Accounts, balances and transactions are not: they rely on encrypted "
            "disks."
        ),
        operator="The encryption of the disks of the database server and of its backups.",
        files=(
            "compliance/vault/envelope_encryption.py",
            "compliance/vault/fields.py",
            "docs/decisions/0004-sealed-fields.md",
        ),
        tests=(
            "compliance/tests/test_fields.py::test_it_stores_no_part_of_the_value",
            "compliance/tests/test_envelope_encryption.py::test_it_rejects_every_changed_byte",
            "compliance/tests/test_rotation.py::test_it_reseals_every_column",
            "config/tests/test_missing_keys.py::test_it_refuses_to_start_without_a_key_and_names_it",
        ),
    ),
    Question(
        topic="Vulnerabilities",
        question="Do you scan machines and production systems for vulnerabilities, and patch what you find in time?",
        answer=(
            "The packages are locked to versions and hashes, so that a scanner can compare them with its database. The "
            "linter's security rules run with every change, and tests send hostile input to every public page. The "
            "project has no scanner of its own, and no process that patches a site."
        ),
        operator=(
            "The scans of machines and packages, the time within which you patch, and the software whose support has "
            "ended."
        ),
        files=("requirements.txt", "pyproject.toml", "SECURITY.md"),
        tests=(
            "config/tests/test_requirements.py::test_it_locks_packages_to_hashes_without_urls",
            "config/tests/test_hostile_input.py::test_it_handles_any_text_in_any_field",
            "config/tests/test_hostile_input.py::test_it_tests_all_public_routes",
            "config/tests/test_policy_in_the_browser.py::test_it_runs_and_loads_nothing_that_was_injected",
        ),
    ),
    Question(
        topic="Privacy policy",
        question="Does the application in which Plaid Link opens have a privacy policy?",
        answer=(
            "The software has no page with a privacy policy. The facts that one needs are in this document, which is "
            "generated from the code: what is stored, how long, who receives it, and how it is deleted."
        ),
        operator="The policy, in your name, at an address that users can open before they sign up.",
        files=("docs/privacy.md", "compliance/personal_data/registry.py"),
        tests=(
            "config/tests/test_privacy_document.py::test_the_document_is_up_to_date",
            "config/tests/test_personal_data.py::test_every_column_is_claimed_once",
        ),
    ),
    Question(
        topic="Consent",
        question="Do consumers agree to the collection, processing and storage of their data?",
        answer=(
            "Before Plaid Link opens, a page lists what is shared, and the user has to agree; this is not recorded. "
            "Before a credit report is requested, the user signs a text with their name. The exact text, its version "
            "and hash, and a withdrawal are recorded in a ledger in which the database refuses every change."
        ),
        files=(
            "templates/banking/connect.html",
            "compliance/consent/__init__.py",
            "credit/enrollment/authorization.py",
            "docs/decisions/0009-consent-ledger.md",
        ),
        tests=(
            "banking/tests/test_views_linking.py::test_it_shows_the_consent_before_it_calls_the_provider",
            "credit/tests/test_views_enrollment.py::test_it_stores_the_signed_text_exactly_as_shown",
            "credit/tests/test_pulling.py::test_it_makes_no_call_without_an_active_consent",
            "compliance/tests/test_consent.py::test_it_refuses_changes_by_a_superuser_while_triggers_are_enabled",
        ),
    ),
    Question(
        topic="Deletion and retention",
        question="Do you have a policy for deletion and retention of data, and is it enforced?",
        answer=(
            "Users can delete their account. From the request on nothing is fetched any more, and every connection is "
            "removed at Plaid, as often as it takes until Plaid confirms. After 30 days, or at once if the user says "
            "so, their rows are deleted, their key is destroyed, and they get a signed receipt. A user can also "
            "disconnect one bank and delete its history. Without that, bank data and credit reports have no end date."
        ),
        operator="How long you keep backups and logs, and how you dispose of disks.",
        files=(
            "accounts/deletion/requests.py",
            "compliance/personal_data/erasure.py",
            "compliance/personal_data/receipts.py",
            "banking/linking/account_deletion.py",
        ),
        tests=(
            "config/tests/test_erasure.py::test_nothing_of_the_person_is_left_after_an_erasure",
            "config/tests/test_erasure.py::test_the_receipt_counts_what_was_deleted",
            "accounts/tests/test_deletion.py::test_it_erases_an_account_that_is_due_and_sends_a_signed_receipt",
            "banking/tests/test_account_deletion.py::"
            "test_a_removal_is_retried_after_the_erasure_while_the_provider_is_down",
            "banking/tests/test_disconnecting.py::test_it_deletes_the_history_if_the_user_wants_that",
        ),
    ),
)

FURTHER_QUESTIONS: Final = (
    Question(
        topic="Logging and monitoring",
        question="Are accesses and security events logged, and does somebody look at the logs?",
        answer=(
            "Sign-ins, changes of credentials, syncs, requests for credit reports, consents and accesses by "
            "administrators are recorded in an audit trail that the site can only append to. A job verifies it every "
            "night and logs an error if it was changed. Logs contain no personal data and no secrets."
        ),
        operator="Who collects the logs, who is alerted, and how long they are kept.",
        files=("compliance/audit/chain.py", "compliance/tasks.py", "config/logging/redaction.py"),
        tests=(
            "compliance/tests/test_chain.py::test_it_finds_every_kind_of_tampering",
            "compliance/tests/test_chain.py::test_it_logs_and_records_problems_in_the_scheduled_job",
            "config/tests/test_redaction.py::test_it_hides_secrets_in_any_text",
        ),
    ),
    Question(
        topic="Incident response",
        question="Is there a plan for incidents, and is it tested?",
        answer="The checklist below is the technical part of one, with the commands of this software.",
        operator="Who decides, who is called, whom you have to notify, and when you last rehearsed it.",
        files=("SECURITY.md", "accounts/management/commands/deactivate_user.py"),
        tests=("accounts/tests/test_session_store.py::test_a_new_secret_key_ends_every_session",),
    ),
    Question(
        topic="Penetration tests",
        question="Do independent testers attack the application, and how often?",
        answer=(
            "No report of an independent test comes with the software. Testers can attack a complete copy of it "
            "without real data: `make run` starts the site with a local Plaid, a local bureau and a mailbox."
        ),
        operator="The tests, their dates and their findings.",
        files=("sandbox/README.md",),
    ),
    Question(
        topic="Employees and vendors",
        question="Are employees checked and trained, and are vendors assessed?",
        answer="The software cannot answer this. The list of recipients in this document says which vendors get data.",
        operator="Background checks, training, confidentiality, and the assessment of each vendor.",
        files=("docs/privacy.md",),
    ),
)
