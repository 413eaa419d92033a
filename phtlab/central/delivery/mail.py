"""Notifications by mail, over the consortium's SMTP server (RFC 5321, RFC 8314)."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from phtlab.central.delivery.due import DueDelivery, Undelivered
from phtlab.central.settings import CentralSettings

_SECONDS = 20.0


def send_mail(due: DueDelivery, settings: CentralSettings) -> None:
    """Send the mail. Raises Undelivered with a reason that holds no address and no password."""
    try:
        with _connected(settings) as server:
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password)
            server.send_message(mail_of(due, settings))
    except smtplib.SMTPRecipientsRefused:
        raise Undelivered("the mail server does not take this address", final=True) from None
    except smtplib.SMTPResponseException as refused:
        raise Undelivered(f"the mail server answers {refused.smtp_code}") from None
    except (OSError, smtplib.SMTPException) as lost:
        raise Undelivered(f"the mail server does not answer ({type(lost).__name__})") from None


def mail_of(due: DueDelivery, settings: CentralSettings) -> EmailMessage:
    """Build the mail. Retries have the same Message-ID, so that a mail client shows one mail."""
    sender = settings.mail_from or f"phtlab@{parseaddr(due.preferences.mail)[1].rpartition('@')[2]}"
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, due.preferences.mail
    mail["Subject"] = f"[{settings.name}] {due.sentence}"
    mail["Date"] = format_datetime(due.at)
    mail["Message-ID"] = f"<{due.name}@{settings.name}.phtlab>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic reply.
    where = due.link or "'phtlab notifications' and 'phtlab proposal list' show it."
    mail.set_content(
        f"{due.sentence}\n\n{where}\n\n"
        f"phtlab, for the consortium {settings.name}. You chose to be told by mail; 'phtlab "
        "notifications set' changes that.\n"
    )
    return mail


def _connected(settings: CentralSettings) -> smtplib.SMTP:
    trusted = ssl.create_default_context(
        cafile=str(settings.smtp_ca_file) if settings.smtp_ca_file else None
    )
    if settings.smtp_tls == "tls":
        return smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=_SECONDS, context=trusted
        )
    server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=_SECONDS)
    if settings.smtp_tls == "starttls":
        try:
            server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
    return server
