"""Two cores behind one client, as a replica that missed what the pinned one took."""

from reprise.solr import SolrClient


class TwoReplicas(SolrClient):
    """The first URL is the pinned core; requests to the second address go to a core of another name."""

    def __init__(self, first_core_url, second_core_url):
        base, _, core = first_core_url.rpartition("/")
        other_base, _, other = second_core_url.rpartition("/")
        super().__init__([base, "http://replica-2/solr"], core)
        send = self._transport.send

        def routed(method, url, params=None, **more):
            if url.startswith(self.nodes[1]):
                path = url.removeprefix(self.nodes[1]).removeprefix(f"/{core}")
                admin = path.startswith("/admin/cores")
                url = f"{other_base}{path}" if admin else f"{other_base}/{other}{path}"
                params = {**params, "core": other} if admin else params
            return send(method, url, params=params, **more)

        self._transport.send = routed
