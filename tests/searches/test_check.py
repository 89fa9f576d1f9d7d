"""What `reprise check` says beside the shares of what is mapped."""

import pytest

from builders import formats
from reprise.searches.check import check


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small log, written."""
    log = formats.small_log(tmp_path_factory.mktemp("small"))
    log.write()
    return log


def test_check_hints_at_what_nothing_is_mapped_to(small, capsys):
    """A hint is no edit: what there is to edit is what it was, and a field with a default is not asked for."""
    deployment = small.deployment()
    fields = deployment.logs.sources[0].fields
    del fields["surface"], fields["ranker"], deployment.logs.sources[1].fields["autoplay"]
    deployment.logs.sources[0].defaults["ranker"] = "A"

    before, report = check(small.deployment()), check(deployment)
    report.print()

    app, player = report.sources
    assert [(hint.field, hint.path) for hint in app.unmapped] == [("surface", "query_attributes.surface")]
    assert [(hint.field, hint.path) for hint in player.unmapped] == [("autoplay", "autoplay")]
    assert "seen, not mapped: autoplay may be autoplay (100%)" in capsys.readouterr().out
    assert before.edits == report.edits


@pytest.mark.parametrize("form", [formats.as_csv, formats.as_parquet, formats.as_zstd])
def test_a_complete_mapping_leaves_no_hint(small, tmp_path, form):
    assert [source.unmapped for source in check(form(small, tmp_path)).sources] == [[], []]
