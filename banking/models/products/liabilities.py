"""The terms of cards and loans, as the bank reports them."""

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from banking.models.accounts import Account
from banking.models.columns import money, percentage
from compliance.isolation.models import Owned


class Liability(Owned):
    """The terms of one card or loan, with Plaid's names, when they were last read.

    Amounts are in the account's currency, and positive when they are owed or were paid. ``None`` means that the bank
    does not report it, and 0 that nothing is due. A card has its interest rates in ``aprs``, and a loan in
    ``interest_rate``. Of ``maturity_date``, a student loan has the expected day of its last payment.
    """

    class Kind(models.TextChoices):
        CREDIT = "credit", _("Card terms")
        STUDENT = "student", _("Student loan terms")
        MORTGAGE = "mortgage", _("Mortgage terms")
        LOAN = "loan", _("Loan terms")
        LINE_OF_CREDIT = "line_of_credit", _("Credit line terms")

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="liability")
    kind = models.CharField(max_length=20, choices=Kind)
    is_overdue = models.BooleanField(null=True)
    past_due_amount = money(null=True)
    minimum_payment_amount = money(null=True)
    next_payment_amount = money(null=True)
    next_payment_due_date = models.DateField(null=True)
    last_payment_amount = money(null=True)
    last_payment_date = models.DateField(null=True)
    last_statement_balance = money(null=True)
    last_statement_issue_date = models.DateField(null=True)
    interest_rate = percentage(null=True)
    interest_rate_type = models.CharField(blank=True)
    outstanding_interest_amount = money(null=True)
    ytd_interest_paid = money(null=True)
    ytd_principal_paid = money(null=True)
    escrow_balance = money(null=True)
    origination_date = models.DateField(null=True)
    origination_principal_amount = money(null=True)
    maturity_date = models.DateField(null=True)
    loan_name = models.CharField(blank=True)
    loan_status = models.CharField(blank=True)
    repayment_plan = models.CharField(blank=True)
    read_at = models.DateTimeField(default=timezone.now)

    @property
    def is_due_date_past(self) -> bool:
        """Whether the last due date that the bank reported has passed, so that the next one is not known yet."""
        return self.next_payment_due_date is not None and self.next_payment_due_date < timezone.localdate()


class LiabilityApr(Owned):
    """One interest rate of a card, in percent a year, for one kind of balance. There may be several of a kind.

    ``balance_subject_to_apr`` is the part of the balance to which it applies, ``interest_charge_amount`` what it cost
    in the last statement. ``type`` is the provider's code, which may be unknown here.
    """

    liability = models.ForeignKey(Liability, on_delete=models.CASCADE, related_name="aprs")
    type = models.CharField()
    percentage = percentage()
    balance_subject_to_apr = money(null=True)
    interest_charge_amount = money(null=True)

    class Meta:
        ordering: ClassVar = ["id"]
