"""Sizes of Solr's files, beside text as Solr lays it out (from a file that 8.11.4 wrote)."""

from reprise.solr.stored import models_bytes, written_bytes

WRITTEN = """{
  "initArgs":{},
  "initializedOn":"2026-11-27T13:45:14.352Z",
  "managedList":[{
      "name":"reprise_linear_1",
      "class":"org.apache.solr.ltr.model.LinearModel",
      "store":"reprise_1",
      "features":[
        {
          "name":"title",
          "norm":{"class":"org.apache.solr.ltr.norm.IdentityNormalizer"}},
        {
          "name":"ärtist",
          "norm":{"class":"org.apache.solr.ltr.norm.IdentityNormalizer"}}],
      "params":{"weights":{
          "title":0.31,
          "ärtist":-0.17}}}]}"""
MODEL = {
    "name": "reprise_linear_1",
    "class": "org.apache.solr.ltr.model.LinearModel",
    "store": "reprise_1",
    "features": [{"name": "title"}, {"name": "ärtist"}],
    "params": {"weights": {"title": 0.31, "ärtist": -0.17}},
}


def test_an_indented_file_is_as_large_as_solr_writes_it():
    assert models_bytes([MODEL], 2) == len(WRITTEN.encode())


def test_a_compact_file_has_no_spaces():
    assert models_bytes([MODEL], None) == len("".join(WRITTEN.split()).encode())


def test_nothing_and_one_entry_stay_on_their_line():
    assert [written_bytes(one, 2) for one in ({}, [], {"a": 1}, [True], None)] == [2, 2, 7, 6, 4]
