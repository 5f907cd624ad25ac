"""The permission matrix: every URL of the site and its response to each kind of user. A missing URL fails a test.

The responses are written by hand: to a GET, then to a POST. A number is the status; a word is a redirect: ``in`` to the
sign-in and back, ``2fa`` to the setup of a second factor, ``ask`` to reauthentication, ``on`` to any other page.

``anonymous`` is not signed in. ``other`` is Mallory, who owns nothing and has neither a second factor nor a password.
``owner`` is Alice, who owns the objects that URLs name and has just entered a code. ``staff`` has no second factor and
reaches no page about themselves until there is one. ``operator`` is staff who has just entered a code.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

USERS: Final = ("anonymous", "other", "owner", "staff", "operator")
RESPONSES: Final = """
account                                     in/in    404/405  200/405  2fa/2fa  404/405
account_change_password                     in/in    on/on    on/on    on/on    on/on
account_confirm_login_code                  on/on    on/on    on/on    2fa/2fa  on/on
account_email                               in/in    200/on   200/on   200/on   200/on
account_email_verification_sent             on/on    on/on    on/on    on/on    on/on
account_inactive                            200/405  200/405  200/405  2fa/2fa  200/405
account_login                               200/200  on/on    on/on    2fa/2fa  on/on
account_logout                              on/on    200/on   200/on   200/on   200/on
account_reauthenticate                      in/in    403/403  ask/ask  403/403  ask/ask
account_reset_password                      200/200  200/200  200/200  2fa/2fa  200/200
account_reset_password_done                 200/405  200/405  200/405  2fa/2fa  200/405
account_reset_password_from_key             200/200  200/200  200/200  200/200  200/200
account_reset_password_from_key_done        200/405  200/405  200/405  200/405  200/405
account_set_password                        in/in    200/200  200/200  2fa/2fa  200/200
account_signup                              200/200  on/on    on/on    2fa/2fa  on/on
accounts                                    in/in    200/405  200/405  2fa/2fa  200/405
activity                                    in/in    200/405  200/405  2fa/2fa  200/405
activity_csv                                in/in    200/405  200/405  2fa/2fa  200/405
admin:account_emailaddress_changelist       in/in    404/404  404/404  2fa/2fa  200/405
admin:accounts_user_change                  in/in    404/404  404/404  2fa/2fa  200/405
admin:accounts_user_changelist              in/in    404/404  404/404  2fa/2fa  200/405
admin:accounts_scheduleddeletion_changelist in/in    404/404  404/404  2fa/2fa  200/405
admin:app_list                              in/in    404/404  404/404  2fa/2fa  200/200
admin:banking_account_changelist            in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_failedremoval_changelist      in/in    404/404  404/404  2fa/2fa  200/405
admin:banking_item_change                   in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_item_changelist               in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_itemproduct_changelist        in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_linksession_changelist        in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_providercallcount_changelist  in/in    404/404  404/404  2fa/2fa  200/405
admin:banking_receivedwebhook_changelist    in/in    404/404  404/404  2fa/2fa  200/405
admin:banking_syncrun_changelist            in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_transaction_changelist        in/in    404/404  404/404  2fa/2fa  403/405
admin:banking_unstoredrowcount_changelist   in/in    404/404  404/404  2fa/2fa  200/405
admin:break_glass                           in/in    404/404  404/404  2fa/2fa  200/200
admin:compliance_auditevent_changelist      in/in    404/404  404/404  2fa/2fa  200/405
admin:compliance_dataexport_changelist      in/in    404/404  404/404  2fa/2fa  403/405
admin:compliance_unfinishedexport_changelist in/in   404/404  404/404  2fa/2fa  200/405
admin:config_policyviolation_change         in/in    404/404  404/404  2fa/2fa  200/405
admin:config_policyviolation_changelist     in/in    404/404  404/404  2fa/2fa  200/405
admin:consent_counts                        in/in    404/404  404/404  2fa/2fa  200/405
admin:credit_enrollment_changelist          in/in    404/404  404/404  2fa/2fa  403/405
admin:credit_pullattempt_changelist         in/in    404/404  404/404  2fa/2fa  403/405
admin:index                                 in/in    404/404  404/404  2fa/2fa  200/200
admin:insights_figuredifference_changelist  in/in    404/404  404/404  2fa/2fa  200/405
admin:jsi18n                                in/in    404/404  404/404  2fa/2fa  200/405
admin:login                                 on/on    404/404  404/404  2fa/2fa  on/on
admin:logout                                in/in    404/404  404/404  2fa/2fa  200/on
admin:mfa_authenticator_changelist          in/in    404/404  404/404  2fa/2fa  200/405
admin:password_change                       in/in    404/404  404/404  2fa/2fa  on/on
admin:usersessions_usersession_changelist   in/in    404/404  404/404  2fa/2fa  200/405
open_notification                           in/in    404/405  on/405   2fa/2fa  404/405
mark_notification_read                      in/in    405/404  405/on   2fa/2fa  405/404
monthly_totals                              in/in    200/405  200/405  2fa/2fa  200/405
figure_checks                               in/in    200/405  200/405  2fa/2fa  200/405
notifications                               in/in    200/405  200/405  2fa/2fa  200/405
mark_all_notifications_read                 in/in    405/on   405/on   2fa/2fa  405/on
notification_settings                       in/in    200/200  200/200  2fa/2fa  200/200
agree                                       in/in    on/on    on/on    on/on    on/on
appearance                                  405/on   405/on   405/on   405/on   405/on
card_link                                   in/in    405/404  405/404  2fa/2fa  405/404
change_consent                              in/in    405/on   405/on   2fa/2fa  405/on
change_retention                            in/in    200/422  200/422  2fa/2fa  200/422
edit_account                                in/in    404/404  200/422  2fa/2fa  404/404
remove_account                              in/in    404/404  200/on   2fa/2fa  404/404
add_account_again                           in/in    405/404  405/404  2fa/2fa  405/404
choose_accounts                             in/in    404/404  on/on    2fa/2fa  404/404
close_link                                  in/in    405/404  405/200  2fa/2fa  405/404
connect                                     in/in    200/422  200/422  2fa/2fa  200/422
consent_text                                in/in    404/405  200/405  2fa/2fa  404/405
consents                                    in/in    200/405  200/405  2fa/2fa  200/405
credit                                      in/in    200/405  200/405  2fa/2fa  200/405
credit_account                              in/in    404/405  200/405  2fa/2fa  404/405
credit_accounts                             in/in    on/405   200/405  2fa/2fa  on/405
credit_changes                              in/in    on/405   200/405  2fa/2fa  on/405
credit_details                              in/in    on/on    on/on    2fa/2fa  on/on
credit_history                              in/in    on/405   200/405  2fa/2fa  on/405
credit_identity_check                       in/in    on/on    on/on    2fa/2fa  on/on
credit_inquiries                            in/in    on/405   200/405  2fa/2fa  on/405
credit_personal                             in/in    on/405   200/405  2fa/2fa  on/405
credit_pull                                 in/in    405/on   405/on   2fa/2fa  405/on
credit_raw                                  in/in    on/405   on/405   2fa/2fa  on/405
credit_raw_download                         in/in    404/404  200/422  2fa/2fa  404/404
credit_raw_page                             in/in    404/405  200/405  2fa/2fa  404/405
credit_records                              in/in    on/405   200/405  2fa/2fa  on/405
credit_rights                               in/in    200/405  200/405  2fa/2fa  200/405
credit_start                                in/in    200/422  200/422  2fa/2fa  200/422
credit_status                               in/in    on/405   on/405   2fa/2fa  on/405
credit_utilization                          in/in    on/405   200/405  2fa/2fa  on/405
credit_withdraw                             in/in    200/on   200/on   2fa/2fa  200/on
cancel_deletion                             in/in    405/on   405/on   2fa/2fa  405/on
cancel_deletion_by_link                     200/200  200/200  200/200  200/200  200/200
delete_account                              in/in    200/200  200/200  2fa/2fa  200/200
deletion_pending                            in/in    on/405   on/405   2fa/2fa  on/405
disconnect                                  in/in    404/404  200/on   2fa/2fa  404/404
do_not_sell                                 200/in   200/422  200/422  200/422  200/422
end_other_sessions                          in/in    405/2fa  405/2fa  2fa/2fa  405/2fa
end_session                                 in/in    405/404  405/2fa  2fa/2fa  405/404
erase_account                               in/in    200/200  200/200  2fa/2fa  200/200
delete_export                               in/in    404/404  200/on   2fa/2fa  404/404
download_export                             in/in    404/404  200/on   2fa/2fa  404/404
download_verifier                           200/405  200/405  200/405  200/405  200/405
exports                                     in/in    200/405  200/405  2fa/2fa  200/405
finish_link                                 in/in    405/404  405/on   2fa/2fa  405/404
global_privacy_control                      200/405  200/405  200/405  200/405  200/405
help                                        200/405  200/405  200/405  200/405  200/405
home                                        200/405  on/405   on/405   2fa/2fa  on/405
hosted_link                                 in/in    405/404  405/200  2fa/2fa  405/404
hosted_return                               in/in    404/405  on/405   2fa/2fa  404/405
importing                                   in/in    404/405  200/405  2fa/2fa  404/405
item                                        in/in    404/405  200/405  2fa/2fa  404/405
legal_text                                  200/405  200/405  200/405  200/405  200/405
live                                        200/405  200/405  200/405  200/405  200/405
data_accesses                               in/in    200/405  200/405  2fa/2fa  200/405
mfa_activate_totp                           in/in    200/200  on/on    200/200  on/on
mfa_add_webauthn                            in/in    200/200  200/200  200/200  200/200
mfa_authenticate                            on/on    on/on    on/on    2fa/2fa  on/on
mfa_deactivate_totp                         in/in    404/404  200/on   2fa/2fa  200/on
mfa_download_recovery_codes                 in/in    404/404  200/405  2fa/2fa  404/404
mfa_edit_webauthn                           in/in    404/404  200/200  2fa/2fa  404/404
mfa_generate_recovery_codes                 in/in    200/200  200/on   2fa/2fa  200/on
mfa_index                                   in/in    2fa/2fa  2fa/2fa  2fa/2fa  2fa/2fa
mfa_list_webauthn                           in/in    2fa/2fa  2fa/2fa  2fa/2fa  2fa/2fa
mfa_login_webauthn                          on/on    on/on    on/on    2fa/2fa  on/on
mfa_reauthenticate                          in/in    403/403  200/200  2fa/2fa  200/200
mfa_reauthenticate_webauthn                 in/in    403/403  200/on   2fa/2fa  ask/ask
mfa_remove_webauthn                         in/in    404/404  200/on   2fa/2fa  404/404
mfa_trust                                   on/on    on/on    on/on    2fa/2fa  on/on
mfa_view_recovery_codes                     in/in    404/405  200/405  404/405  404/405
oauth_return                                in/in    on/405   on/405   2fa/2fa  on/405
overview                                    in/in    200/405  200/405  2fa/2fa  200/405
policy_reports                              405/415  405/415  405/415  2fa/2fa  405/415
privacy                                     in/in    200/405  200/405  2fa/2fa  200/405
privacy_notice                              200/405  200/405  200/405  200/405  200/405
ready                                       200/405  200/405  200/405  200/405  200/405
reconnect                                   in/in    404/404  200/422  2fa/2fa  404/404
refresh                                     in/in    405/404  405/on   2fa/2fa  405/404
refresh_all                                 in/in    405/on   405/on   2fa/2fa  405/on
retention                                   in/in    200/405  200/405  2fa/2fa  200/405
sandbox                                     503/503  503/503  503/503  503/503  503/503
security                                    in/in    200/405  200/405  200/405  200/405
security_overview                           200/405  200/405  200/405  200/405  200/405
sync_history                                in/in    404/405  200/405  2fa/2fa  404/405
sync_progress                               in/in    200/405  200/405  2fa/2fa  200/405
sync_status                                 in/in    200/405  200/405  2fa/2fa  200/405
terms                                       200/405  200/405  200/405  200/405  200/405
request_export                              in/in    200/on   200/on   2fa/2fa  200/on
send_export                                 in/in    404/405  404/405  2fa/2fa  404/405
transactions                                in/in    200/405  200/405  2fa/2fa  200/405
split                                       in/in    404/404  200/422  2fa/2fa  404/404
join_parts                                  in/in    405/404  405/on   2fa/2fa  405/404
change_transactions                         in/in    405/on   405/on   2fa/2fa  405/on
transaction                                 in/in    404/404  200/on   2fa/2fa  404/404
recurring                                   in/in    200/405  200/405  2fa/2fa  200/405
rules                                       in/in    200/405  200/405  2fa/2fa  200/405
create_rule                                 in/in    200/422  200/422  2fa/2fa  200/422
rule                                        in/in    404/405  200/405  2fa/2fa  404/405
change_rule                                 in/in    404/404  200/422  2fa/2fa  404/404
apply_rule                                  in/in    405/404  405/on   2fa/2fa  405/404
switch_rule                                 in/in    405/404  405/on   2fa/2fa  405/404
move_rule                                   in/in    405/404  405/on   2fa/2fa  405/404
delete_rule                                 in/in    404/404  200/422  2fa/2fa  404/404
undo_run                                    in/in    405/404  405/on   2fa/2fa  405/404
transactions-csv                            in/in    200/405  200/405  2fa/2fa  200/405
transfer                                    in/in    404/405  200/405  2fa/2fa  404/405
edit_transfer                               in/in    405/404  405/404  2fa/2fa  405/404
unlock                                      200/200  200/200  200/200  200/200  200/200
verify_activity                             in/in    405/on   405/on   2fa/2fa  405/on
webhook-plaid                               405/400  405/400  405/400  2fa/2fa  405/400
withdraw_bank_data                          in/in    200/on   200/on   2fa/2fa  200/on
"""
EXPECTED_RESPONSES: Final = {
    name: dict(zip(USERS, responses, strict=True))
    for name, *responses in map(str.split, RESPONSES.strip().splitlines())
}


class Route(NamedTuple):
    """A URL pattern and its full name, namespaces included."""

    name: str
    pattern: URLPattern


def list_routes(patterns: Iterable[URLPattern | URLResolver] | None = None, namespace: str = "") -> Iterator[Route]:
    """Yield all routes, including those of other packages and of the operators' site."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            inner_namespace = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from list_routes(pattern.url_patterns, inner_namespace)
        else:
            yield Route(f"{namespace}{pattern.name}", pattern)


ROUTE_NAMES: Final = sorted(route.name for route in list_routes())
