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
            "AES-256-GCM under a key per user, and so are the files of exports. Accounts, balances and transactions "
            "are not: they rely on encrypted disks."
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
            "compliance/tests/test_encrypted_file.py::test_no_plaintext_is_stored",
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
            "Yes: `/privacy/policy/`, which pages link to and everybody can read without an account, as the terms and "
            "the security overview. It says what the software does by itself. Each text is a file with a version; a "
            "changed text is a new file, users have to agree to it before they go on, and earlier versions stay "
            "readable. The facts behind it are in this document, which is generated from the code: what is stored, how "
            "long, who receives it, and how it is deleted."
        ),
        operator=(
            "Whether every sentence of it is true of your site, and what it cannot know: your name and address, your "
            "hosts and mail server, your backups and logs, and the laws that apply to you."
        ),
        files=(
            "legal/privacy_notice/2026-12-01.txt",
            "accounts/privacy/legal_documents.py",
            "compliance/consent/legal_texts.py",
            "compliance/personal_data/registry.py",
            "docs/privacy.md",
        ),
        tests=(
            "accounts/tests/test_consent_pages.py::test_it_shows_a_text_without_an_account",
            "accounts/tests/test_consent_pages.py::test_it_links_the_texts_from_every_page",
            "accounts/tests/test_consent_pages.py::test_it_shows_earlier_versions",
            "compliance/tests/test_legal_texts.py::test_it_changes_no_published_text",
            "accounts/tests/test_agreements.py::test_it_asks_again_for_a_changed_text_in_an_open_session",
            "config/tests/test_privacy_document.py::test_the_document_is_up_to_date",
            "config/tests/test_personal_data.py::test_every_column_is_claimed_once",
        ),
    ),
    Question(
        topic="Consent",
        question="Do consumers agree to the collection, processing and storage of their data?",
        answer=(
            "Yes, and each consent is recorded. At sign-up, users agree to the terms and the privacy notice, and "
            "state that they are 18 or older and live in the United States; no box is checked beforehand. Before "
            "Plaid Link opens, they agree to the text about bank data: without an active consent to the current text "
            "no link token is requested and no bank is connected. Before a credit report is requested, they sign a "
            "text with their name, for 12 months (365 days). Marketing email and analytics are optional, and nothing "
            "uses them. Do Not Sell or Share is a request that users make on a page, or that their browser makes by "
            "Global Privacy Control (`Sec-GPC: 1`) while they are signed in. Of each, the exact text, its version and "
            "hash, the time, the IP address and the browser (both encrypted) are stored in a ledger in which the "
            "database refuses every change; a withdrawal is another row. One page shows all of them and what a "
            "withdrawal does: that of bank data disconnects all banks, and that of credit reports ends the requests "
            "and deletes the details for them."
        ),
        operator="Which other consents you need, and what you do with the two that nothing uses.",
        files=(
            "legal/terms/2026-11-30.txt",
            "legal/bank_data/2026-12-01.txt",
            "compliance/consent/records.py",
            "compliance/consent/events.py",
            "accounts/agreements/required_texts.py",
            "accounts/agreements/opt_out.py",
            "accounts/privacy/consents.py",
            "banking/linking/data_consent.py",
            "banking/linking/consent_withdrawal.py",
            "credit/enrollment/authorization.py",
            "docs/decisions/0009-consent-ledger.md",
        ),
        tests=(
            "accounts/tests/test_agreements.py::test_it_checks_no_box_beforehand",
            "accounts/tests/test_agreements.py::test_it_records_what_a_new_user_agreed_to",
            "accounts/tests/test_agreements.py::test_it_creates_nobody_without_a_required_box",
            "banking/tests/test_views_linking.py::test_it_shows_the_consent_before_it_calls_the_provider",
            "banking/tests/test_data_consent.py::test_it_records_the_text_before_it_requests_a_link_token",
            "banking/tests/test_data_consent.py::test_it_opens_no_dialog_without_a_consent",
            "banking/tests/test_consent_withdrawal.py::test_it_disconnects_all_banks_and_keeps_or_deletes_their_history",
            "credit/tests/test_views_enrollment.py::test_it_stores_the_signed_text_exactly_as_shown",
            "credit/tests/test_pulling.py::test_it_makes_no_call_without_an_active_consent",
            "accounts/tests/test_consent_pages.py::test_it_shows_every_purpose_with_its_state",
            "accounts/tests/test_opt_out_pages.py::test_it_records_the_signal_of_a_browser_once",
            "compliance/tests/test_consent_ledger.py::test_it_refuses_changes_by_a_superuser_while_triggers_are_enabled",
        ),
    ),
    Question(
        topic="Deletion and retention",
        question="Do you have a policy for deletion and retention of data, and is it enforced?",
        answer=(
            "Users can delete their account. From the request on nothing is fetched any more, and every connection is "
            "removed at Plaid, as often as it takes until Plaid confirms. After 30 days, or at once if the user says "
            "so, their rows are deleted, their key is destroyed, and they get a signed receipt. Their address stays, "
            "encrypted, until the receipt is sent, at most 7 days. A user can also disconnect one bank and delete its "
            "accounts with their history. Users choose how long transactions are kept, or that they are not stored at "
            "all; nothing is deleted before they choose. Credit reports as the bureau sent them are deleted after 24 "
            "months (730 days), or as the user chooses. A job deletes every day what has become too old. A shorter "
            "period begins seven days after its user was told by email, or at once if they chose that after a "
            "preview. The audit trail is kept for 365 days. Balances and monthly totals are kept until the account or "
            "the history of their bank is deleted, and reports as pages show them until the account is deleted. Users "
            "can export their data: a signed ZIP file, encrypted until it is downloaded, and deleted after 7 days."
        ),
        operator="How long you keep backups, logs and anchors, and how you dispose of disks.",
        files=(
            "accounts/deletion/requests.py",
            "compliance/personal_data/erasure.py",
            "compliance/personal_data/receipts.py",
            "accounts/deletion/unsent_receipts.py",
            "banking/linking/account_deletion.py",
            "compliance/retention/purging.py",
            "banking/retention/transaction_rule.py",
            "credit/enrollment/retention_rule.py",
            "accounts/privacy/retention/announcements.py",
            "compliance/export/lifecycle.py",
            "docs/deletion.md",
            "docs/retention.md",
            "docs/export.md",
        ),
        tests=(
            "config/tests/test_erasure.py::test_nothing_of_the_person_is_left_after_an_erasure",
            "config/tests/test_erasure.py::test_the_receipt_counts_what_was_deleted",
            "accounts/tests/test_deletion_erasure.py::test_it_erases_an_account_that_is_due_and_sends_a_signed_receipt",
            "accounts/tests/test_unsent_receipts.py::test_it_keeps_the_address_for_seven_days_and_no_longer",
            "banking/tests/test_account_deletion.py::"
            "test_a_removal_is_retried_after_the_erasure_while_the_provider_is_down",
            "banking/tests/test_disconnecting.py::test_it_deletes_the_history_if_the_user_wants_that",
            "config/tests/test_retention.py::test_it_deletes_nothing_of_people_who_never_chose",
            "config/tests/test_retention.py::test_it_deletes_nothing_until_seven_days_after_the_email",
            "config/tests/test_retention.py::test_it_goes_on_after_a_worker_was_killed_between_two_batches",
            "banking/tests/test_retention_purge.py::test_it_deletes_rows_before_the_day_and_keeps_the_day_itself",
            "banking/tests/test_retention_sync.py::test_it_does_not_store_purged_rows_again_after_a_complete_download",
            "config/tests/test_retention_of_banks.py::test_it_leaves_no_text_of_a_transaction_in_a_dump",
            "credit/tests/test_raw_retention.py::test_it_deletes_old_originals_and_keeps_their_reports",
            "compliance/tests/test_checkpoints.py::"
            "test_it_deletes_what_is_older_than_365_days_and_the_rest_still_verifies",
            "config/tests/test_export_contents.py::test_every_exported_column_is_in_a_json_file",
            "config/tests/test_export_verifier.py::test_it_finds_a_flipped_byte_in_every_file",
            "config/tests/test_export_downloads.py::test_it_expires_after_a_week",
        ),
    ),
)

FURTHER_QUESTIONS: Final = (
    Question(
        topic="Logging and monitoring",
        question="Are accesses and security events logged, and does somebody look at the logs?",
        answer=(
            "Sign-ins, changes of credentials, uses of access tokens, syncs, requests for credit reports, consents, "
            "exports, deletions, purges and accesses by administrators are recorded in an audit trail, and so is how "
            "often users viewed their bank and credit data on a day. The site can only append to it; the events of "
            "each user are a hash chain. Access tokens are decrypted for use by one function, which records the "
            "purpose. A job verifies all chains every night and logs an error if one was changed. Another one signs "
            "their ends every hour and writes them to the log, and to a file if `AUDIT_ANCHOR_FILE` names one. "
            "`manage.py audit_verify --anchors FILE` compares the chains with that file; no job does that. Users read, "
            "filter, download and verify their own trail on the activity page. Events are deleted after 365 days, "
            "behind a signed checkpoint from which verification starts. Logs contain no personal data but random ids "
            "of users, and no secrets."
        ),
        operator=(
            "Who collects the logs and the anchors, on which other machine, who compares them and how often, who is "
            "alerted, and how long they are kept."
        ),
        files=(
            "compliance/audit/chain.py",
            "compliance/audit/anchors/writing.py",
            "compliance/audit/anchors/verification.py",
            "compliance/audit/checkpoints.py",
            "compliance/audit/daily_access.py",
            "compliance/tasks.py",
            "banking/credentials.py",
            "accounts/privacy/activity/views.py",
            "config/logging/redaction.py",
            "docs/decisions/0005-audit-trail.md",
        ),
        tests=(
            "compliance/tests/test_chain.py::test_it_lets_the_site_only_add_events",
            "compliance/tests/test_chain.py::test_it_finds_every_kind_of_tampering",
            "compliance/tests/test_chain.py::test_it_logs_and_records_problems_in_the_scheduled_job",
            "compliance/tests/test_anchors.py::test_only_anchors_find_what_was_rewritten_to_its_end",
            "compliance/tests/test_anchor_files.py::test_it_logs_each_line_and_needs_no_file",
            "compliance/tests/test_checkpoints.py::test_it_finds_a_chain_that_was_cut_to_its_checkpoint",
            "banking/tests/test_credentials.py::test_it_records_every_use_of_a_token_once",
            "config/tests/test_revealed_secrets.py::test_it_opens_access_tokens_in_one_module",
            "config/tests/test_recorded_accesses.py::test_its_pages_record_what_they_show",
            "accounts/tests/test_activity.py::test_it_verifies_on_request_and_keeps_the_result",
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
