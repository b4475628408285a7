"""What a load tells: progress and report."""

from fhir_server.cli.loading.progress import Lines
from fhir_server.cli.loading.report import REFUSALS_SHOWN, Report
from fhir_server.cli.loading.work import Refused
from fhir_server.errors import Issue
from fhir_server.storage.intents import Outcome

ISSUE = Issue("value", "it is wrong", "Patient.gender")


def test_without_a_terminal_a_line_tells_share_rate_and_time_to_go(capsys):
    now = iter([0.0, 4.0, 10.0, 12.0])
    tell = Lines(1_000, lambda: next(now))
    tell(100, 50)
    tell(250, 500)
    tell(300, 600)
    assert capsys.readouterr().out == " 25%  500 resources, 50/s, 30 s to go\n"


def test_the_report_counts_what_was_written_and_what_stayed():
    report = Report()
    report.count([Outcome(201, None, written=True), Outcome(200, None)])
    assert next(report.lines(2.0)) == "Loaded 1, unchanged 1, refused 0 in 2.0 s (1 resources/s)"
    assert report.exit_code == 0


def test_a_refusal_tells_place_path_and_reason():
    report = Report()
    report.refuse(Refused("a.ndjson:3", ISSUE))
    report.refuse(Refused("b.json", Issue("invalid", "no Bundle"), 7))
    assert list(report.lines(1.0))[1:] == [
        "  a.ndjson:3: Patient.gender: it is wrong",
        "  b.json (7 resources): no Bundle",
    ]
    assert report.refused == 8
    assert report.exit_code == 1


def test_refusals_past_the_list_are_counted():
    report = Report()
    for number in range(REFUSALS_SHOWN + 3):
        report.refuse(Refused(f"a.ndjson:{number}", ISSUE))
    lines = list(report.lines(1.0))
    assert len(lines) == REFUSALS_SHOWN + 2
    assert lines[-1] == "  ... and 3 more"


def test_an_unreadable_file_weighs_more_than_a_refusal():
    report = Report(unreadable=["b.json: it is damaged"])
    report.refuse(Refused("a.ndjson:3", ISSUE))
    assert report.exit_code == 2
    assert list(report.lines(1.0))[-1] == "Not read to its end: b.json: it is damaged"
