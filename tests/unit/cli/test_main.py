"""The command line: helps, versions, exit codes, and secrets that stay secret."""

import pytest

from fhir_server.cli.main import main, parser


@pytest.mark.parametrize("verb", [["serve"], ["db"], ["db", "upgrade"], ["db", "check"], ["load"], ["doctor"]])
def test_each_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        parser().parse_args([*verb, "--help"])
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 150


def test_the_version_is_that_of_the_distribution(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == "galenic 0.1.0\n"


def test_a_setting_of_the_wrong_type_is_named_and_its_value_is_not_shown(monkeypatch, capsys):
    monkeypatch.setenv("GALENIC_PORT", "eighty")
    assert main(["doctor"]) == 1
    told = capsys.readouterr().err
    assert "GALENIC_PORT" in told
    assert "eighty" not in told


def test_no_verb_is_a_wrong_call():
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
