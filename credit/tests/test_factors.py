import re

import pytest

from credit.analysis.bands import BANDS, band_for_score, model_name
from credit.analysis.factors import ACCOUNT_FILTERS, FAMILIES, FactorCategory, accounts_behind, reason
from credit.report import Factor
from credit.tests.experian_samples import card, loan, parse_sample

LATE = card(subscriberCode="1", paymentHistory="C1C")
WORSE = card(subscriberCode="2", paymentHistory="CC2", amountPastDue="00000025")
FULL = card(subscriberCode="3", balanceAmount="00011000", openDate="11012026")
FORBIDDEN_WORDS = re.compile(r"improve|fix|boost|raise|repair|remove|should|must|\bbad\b|error", re.IGNORECASE)


def list_accounts_behind(model, code, *accounts):
    lines = parse_sample(tradeline=list(accounts)).tradelines
    return [line.subscriber_code for line in accounts_behind(reason(model, Factor(1, code)), lines)]


def test_it_maps_a_code_by_the_models_table():
    assert reason("vantagescore_4", Factor(1, "13")).category is FactorCategory.AGE
    assert reason("fico_9", Factor(1, "13")).category is FactorCategory.PAYMENTS


@pytest.mark.parametrize(("model", "code"), [("vantagescore_4", "99"), ("", "13"), ("fico_9", "84")])
def test_it_labels_an_unknown_factor_by_its_number(model, code):
    assert reason(model, Factor(1, code)) == (f"Factor {code}", FactorCategory.UNKNOWN, frozenset())
    assert list_accounts_behind(model, code, LATE) == []


@pytest.mark.parametrize("model", FAMILIES)
def test_it_describes_factors_neutrally(model):
    for factor_reason in FAMILIES[model].values():
        assert not FORBIDDEN_WORDS.search(str(factor_reason.label))
        assert factor_reason.label[0].isupper()
        assert not factor_reason.label.endswith(".")


def test_it_lists_late_accounts_with_the_worst_first():
    assert list_accounts_behind("vantagescore_4", "9", card(subscriberCode="0"), LATE, WORSE) == ["2", "1"]


def test_it_lists_cards_above_a_threshold_for_balances():
    assert list_accounts_behind("vantagescore_4", "32", card(subscriberCode="0"), FULL, loan()) == ["3"]
    assert list_accounts_behind("vantagescore_4", "30", card(subscriberCode="0"), loan()) == ["0"]


def test_it_lists_the_newest_accounts_for_age():
    assert list_accounts_behind("vantagescore_4", "13", card(subscriberCode="0"), FULL, loan()) == ["3", "2220002", "0"]


def test_it_lists_only_accounts_of_the_factors_kinds():
    assert list_accounts_behind("vantagescore_4", "75", card(), loan()) == ["2220002"]


def test_it_lists_no_account_for_inquiries():
    assert list_accounts_behind("vantagescore_4", "85", LATE) == []
    assert FactorCategory.INQUIRIES not in ACCOUNT_FILTERS


@pytest.mark.parametrize("model", BANDS)
def test_it_has_one_band_for_every_score(model):
    for value in range(300, 851):
        assert sum(band.low <= value <= band.high for band in BANDS[model]) == 1


@pytest.mark.parametrize(
    ("model", "value", "name"),
    [("vantagescore_4", 782, "Superprime"), ("vantagescore_4", 660, "Near prime"), ("fico_9", 740, "Very good")],
)
def test_it_names_a_band(model, value, name):
    assert band_for_score(model, value).name == name


def test_it_has_no_band_without_a_model_or_a_score():
    assert band_for_score("", 782) is None
    assert band_for_score("vantagescore_4", None) is None


def test_it_does_not_guess_names_of_models():
    assert model_name("vantagescore_4", "V4", "experian") == "VantageScore 4.0"
    assert model_name("", "RC", "experian") == "Experian score, model RC"
