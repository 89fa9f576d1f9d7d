"""The catalogue as people read it."""

from pathlib import Path

from reprise.features.described import markdown
from reprise.settings import Solr, load_deployment


def test_the_docs_show_the_demos_catalogue_as_it_is():
    docs = Path(__file__).parents[2] / "docs" / "features.md"

    assert docs.read_text(encoding="utf-8").rstrip().endswith(markdown(load_deployment("demo").solr))


def test_a_row_says_what_a_feature_is_made_of_and_what_is_sent():
    text = markdown(
        Solr(
            features=[
                {"name": "live", "kind": "query", "meaning": "a|b", "computes": "says", "of": ["live", "remix"]},
                {"name": "home", "kind": "context", "meaning": "m", "field": "language", "monotone": "rising"},
            ]
        )
    )

    assert r"| `live` | query | a\|b | `says live remix` | 0 |  | free |" in text
    assert "| `home` | context | m | `language = language` | 0 | rising | cheap |" in text
    assert "| `reprise.language` | the listener's language, as in the item's field |  |" in text
    assert "| 1 where one of live, remix is among the words, else 0 | `0` |" in text
