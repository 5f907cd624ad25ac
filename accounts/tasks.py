"""All tasks of this app, for Celery; each is defined beside the code that it runs."""

from accounts.emails.tasks import send_notice
from accounts.notifications.tasks import dispatch_alert_mails, send_alert_mail
from accounts.sign_in.tasks import forget_old, send_unlock_link

__all__ = ["dispatch_alert_mails", "forget_old", "send_alert_mail", "send_notice", "send_unlock_link"]
