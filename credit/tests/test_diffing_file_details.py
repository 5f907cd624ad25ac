import pytest

from credit.diffing import ChangeType, Severity, Thresholds
from credit.tests.experian_samples import (
    ADDRESS,
    IDENTITY,
    INQUIRY,
    RECORD,
)
from credit.tests.report_pairs import diff_sections, list_change_types, summarize


def build_inquiry(day, **changes):
    return INQUIRY | {"date": day, "subscriberCode": "7770001", "subscriberName": "QUICKLEND"} | changes


@pytest.mark.parametrize(
    ("day", "change_type"),
    [
        ("11012026", ChangeType.INQUIRY_ADDED),
        ("09202026", ChangeType.INQUIRY_ADDED),
        ("09192026", ChangeType.INQUIRY_APPEARED),
        ("00000000", ChangeType.INQUIRY_APPEARED),
    ],
)
def test_it_distinguishes_a_new_inquiry_from_a_late_one(day, change_type):
    # The older report is of October 20; thirty days before lies September 20.
    assert list_change_types(diff_sections({}, {"inquiry": [INQUIRY, build_inquiry(day)]})) == [change_type]


def test_it_counts_equal_inquiries():
    equal_inquiries = [build_inquiry("11012026"), build_inquiry("11012026")]
    assert (
        list_change_types(diff_sections({}, {"inquiry": [INQUIRY, *equal_inquiries]})) == [ChangeType.INQUIRY_ADDED] * 2
    )
    assert list_change_types(diff_sections({"inquiry": equal_inquiries[:1]}, {"inquiry": equal_inquiries})) == [
        ChangeType.INQUIRY_ADDED
    ]
    assert diff_sections({"inquiry": equal_inquiries}, {"inquiry": equal_inquiries[:1]}) == ()


def test_it_recognizes_an_inquiry_with_another_spelling():
    before, after = build_inquiry("11012026"), build_inquiry("11012026", subscriberName="Quick-Lend ")
    assert diff_sections({"inquiry": [before]}, {"inquiry": [after]}) == ()


def test_it_ignores_our_own_inquiries():
    thresholds = Thresholds(own_codes=frozenset({"7770001"}))
    assert diff_sections({}, {"inquiry": [INQUIRY, build_inquiry("11012026")]}, thresholds=thresholds) == ()


def test_it_finds_new_and_changed_public_records():
    assert summarize(diff_sections({}, {"publicRecord": [RECORD]})) == [
        (ChangeType.PUBLIC_RECORD_ADDED, None, "15", "")
    ]
    after = {"publicRecord": [RECORD | {"status": "17"}]}
    assert summarize(diff_sections({"publicRecord": [RECORD]}, after)) == [
        (ChangeType.PUBLIC_RECORD_CHANGED, "15", "17", "")
    ]
    assert diff_sections({"publicRecord": [RECORD]}, {}) == ()


def test_it_finds_a_new_personal_detail_without_storing_it():
    other_address = ADDRESS | {"streetName": "HARBOR VIEW"}
    [change] = diff_sections({}, {"addressInformation": [ADDRESS, other_address]})
    assert (change.type, change.name) == (ChangeType.PERSONAL_ADDED, "address")
    assert "HARBOR" not in repr(change)
    assert diff_sections({}, {"addressInformation": [ADDRESS | {"lastUpdatedDate": "11202026"}]}) == ()


def test_it_finds_a_new_name_and_employer_once():
    names = [*IDENTITY["name"], {"surname": "MERCER-BYRON", "firstName": "ADA"}] * 2
    after = {"consumerIdentity": [IDENTITY | {"name": names}], "employmentInformation": [{"name": "ENGINE CO"}]}
    assert [change.name for change in diff_sections({}, after)] == ["name", "employer"]


@pytest.mark.parametrize(
    ("sections", "flag", "severity"),
    [
        ({"statement": [{"statementText": "INITIAL FRAUD ALERT"}]}, "fraud_alert", Severity.HIGH),
        ({"statement": [{"statementText": "ACTIVE DUTY ALERT"}]}, "active_duty", Severity.NOTICE),
        ({"fraudShield": [{"dateOfDeath": "05202026"}]}, "deceased", Severity.HIGH),
        ({"ssn": [{"variationIndicator": "Y"}]}, "ssn_variation", Severity.NOTICE),
    ],
)
def test_it_finds_added_and_cleared_flags(sections, flag, severity):
    [added] = diff_sections({}, sections)
    assert (added.type, added.entity, added.severity) == (ChangeType.FLAG_ADDED, f"flag:{flag}", severity)
    [cleared] = diff_sections(sections, {})
    assert (cleared.type, cleared.entity) == (ChangeType.FLAG_CLEARED, f"flag:{flag}")
