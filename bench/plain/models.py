"""Plain models of the site's tables."""

from django.contrib.auth.models import AbstractBaseUser
from django.db import models


class User(AbstractBaseUser):
    id = models.UUIDField(primary_key=True)
    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=100)
    last_name = models.CharField(max_length=100)
    is_active = models.BooleanField()

    USERNAME_FIELD = "email"

    class Meta:
        managed = False
        db_table = "accounts_user"


class Item(models.Model):
    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(User, models.CASCADE)
    institution_name = models.CharField()
    connection = models.CharField(max_length=20)
    checked_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "banking_item"


class Account(models.Model):
    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(User, models.CASCADE)
    item = models.ForeignKey(Item, models.CASCADE)
    name = models.CharField()
    mask = models.CharField()
    type = models.CharField()
    current = models.DecimalField(max_digits=28, decimal_places=10, null=True)
    limit = models.DecimalField(max_digits=28, decimal_places=10, null=True)
    currency = models.CharField()

    class Meta:
        managed = False
        db_table = "banking_account"


class Snapshot(models.Model):
    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(User, models.CASCADE)
    account = models.ForeignKey(Account, models.CASCADE)
    day = models.DateField()
    current = models.DecimalField(max_digits=28, decimal_places=10, null=True)

    class Meta:
        managed = False
        db_table = "banking_balancesnapshot"


class Transaction(models.Model):
    id = models.UUIDField(primary_key=True)
    owner = models.ForeignKey(User, models.CASCADE)
    account = models.ForeignKey(Account, models.CASCADE)
    amount = models.DecimalField(max_digits=28, decimal_places=10)
    currency = models.CharField()
    day = models.DateField()
    name = models.CharField()
    merchant_name = models.CharField()
    pending = models.BooleanField()
    category = models.CharField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        managed = False
        db_table = "banking_transaction"
