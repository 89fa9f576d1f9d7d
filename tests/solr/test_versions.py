"""What the client knows of each Solr version."""

import pytest

from reprise.errors import UsageError
from reprise.solr.versions import capabilities


@pytest.mark.parametrize(
    ("version", "indent"),
    [("8.11.4", 2), ("9.4.1", 2), ("9.5.0", None), ("9.10.1", None), ("10.0.0", None), ("10.1.0-SNAPSHOT", None)],
)
def test_model_files_are_indented_before_9_5(version, indent):
    assert capabilities(version).indent == indent


@pytest.mark.parametrize("version", ["8.10.1", "7.7.3", "", "nightly"])
def test_a_solr_that_is_too_old_or_unknown_is_refused(version):
    with pytest.raises(UsageError, match=r"older than 8\.11|is no Solr version"):
        capabilities(version)


def test_the_table_says_what_a_version_does():
    old, nine, ten = (capabilities(version) for version in ("8.11.4", "9.6.0", "10.0.0"))

    assert [old.null_branches, old.refuses_missing_stores, old.reverts_late_reranking] == [False] * 3
    assert [nine.null_branches, nine.refuses_missing_stores, nine.reverts_late_reranking] == [True] * 3
    assert old.line.config_edit_switch == nine.line.config_edit_switch == "-Ddisable.configEdit=true"
    assert (ten.line.config_edit_switch, ten.line.feature_cache_by_name) == (
        "-Dsolr.api.config.edit.enabled=false",
        False,
    )
