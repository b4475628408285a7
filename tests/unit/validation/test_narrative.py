import pytest


def a_patient(div):
    return {"resourceType": "Patient", "text": {"status": "generated", "div": div}}


def within(markup):
    return f'<div xmlns="http://www.w3.org/1999/xhtml">{markup}</div>'


@pytest.mark.parametrize(
    "markup",
    [
        "plain",
        "<p style='color: red' class=\"x\">a</p>",
        "a&nbsp;b &copy; &#160; &lt;script&gt;",
        '<table border="1"><tbody><tr><td colspan="2">a</td></tr></tbody></table>',
        '<a href="https://a.example/?a=1&amp;b=2" name="x">a</a>',
        '<a href="#x">a</a><a href="Patient/javascript">b</a>',
        '<img src="#pic" alt="x"/>',
        '<img src="data:image/png;base64,AAAA"/>',
        "<!-- a comment --> x",
        '<p xml:lang="en" lang="en">a</p>',
        '<p xmlns="http://www.w3.org/1999/xhtml">a</p>',
    ],
)
def test_what_txt_1_lists_is_accepted(problems, markup):
    assert problems(a_patient(within(markup))) == []


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<SCRIPT>x</SCRIPT>",
        "<style>p{}</style>x",
        "<iframe src='https://a.example'>x</iframe>",
        "<object>x</object>",
        "<form>x</form>",
        "<input/>x",
        "<svg xmlns='http://www.w3.org/2000/svg'><a>x</a></svg>",
        "<h:p xmlns:h='http://www.w3.org/1999/xhtml'>x</h:p>",
        "<p xmlns='http://www.w3.org/2000/svg'>x</p>",
        "<p onclick='x()'>a</p>",
        "<p ONCLICK='x()'>a</p>",
        "<img src='a.png' onerror='x()'/>",
        "<a href='javascript:x()'>a</a>",
        "<a href='JaVaScRiPt:x()'>a</a>",
        "<a href='\t java\nscript:x()'>a</a>",
        "<a href='&#1;javascript:x()'>a</a>",
        "<a href='java&#10;script:x()'>a</a>",
        "<a href='&#x6A;avascript&#58;x()'>a</a>",
        "<a href='javascript&colon;x()'>a</a>",
        "<a href='&nbsp;javascript:x()'>a</a>",
        "<a href='vbscript:x'>a</a>",
        "<a href='data:text/html,x'>a</a>",
        "<a href='data:image/svg+xml,x'>a</a>",
        "<img src='data:text/html,x'/>",
        "<q cite='javascript:x'>a</q>",
        "<p style='background: url(https://a.example/pixel)'>a</p>",
        "<p style='width: expression(x)'>a</p>",
        "<p style='ba\\63kground: x'>a</p>",
        "<![CDATA[<script>x</script>]]>",
        "<!--> <script>x</script> -->a",
        "<!---> <script>x</script> -->a",
        "<?php x ?>a",
        "&bogus; a",
        "a & b",
        "<p>a",
        "<p>a</b>",
        "\x00a",
        "\ud800a",
    ],
)
def test_what_txt_1_does_not_list_is_refused(issues, markup):
    (issue,) = issues(a_patient(within(markup)))
    assert (issue.code, issue.expression) == ("invariant", "Patient.text.div")
    assert issue.diagnostics.startswith("txt-1")


@pytest.mark.parametrize(
    "div",
    [
        '<!DOCTYPE div><div xmlns="http://www.w3.org/1999/xhtml">a</div>',
        '<!DOCTYPE div [<!ENTITY a "b">]><div xmlns="http://www.w3.org/1999/xhtml">&a;</div>',
        '<?xml version="1.0"?><?x y?><div xmlns="http://www.w3.org/1999/xhtml">a</div>',
        "<div>a</div>",
        '<p xmlns="http://www.w3.org/1999/xhtml">a</p>',
        within("a") + within("b"),
        "plain text",
        " " + within("a"),
        within("a") + "<",
    ],
)
def test_a_narrative_is_one_xhtml_div(rules, div):
    assert rules(a_patient(div)) == ["txt-1"]


@pytest.mark.parametrize("markup", ["", " \n\t", "<p> </p>", "<img alt='x'/>", "<!-- words -->"])
def test_txt_2_a_narrative_says_something(rules, markup):
    assert rules(a_patient(within(markup))) == ["txt-2"]


@pytest.mark.parametrize("div", [None, 1, [], {}])
def test_a_narrative_is_a_string(problems, div):
    assert problems(a_patient(div)) == [("structure", "Patient.text.div")]
