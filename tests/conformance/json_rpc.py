"""JSON-RPC as any client speaks it: plain requests, for nodes whose answers are compared and not interpreted."""

import json
from collections.abc import Mapping, Sequence

import requests

BATCH = 50
"""Requests sent at once."""

TIMEOUT_SECONDS = 30.0


class JsonRpc:
    """One node."""

    def __init__(self, url: str, session: requests.Session) -> None:
        self.url = url
        self._session = session

    def get_or_none(self, method: str, *parameters: object) -> object:
        """The result; None when there is none, an error is told, or nobody listens yet."""
        request = {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(parameters)}
        try:
            answer = self._post(request)
        except (requests.ConnectionError, requests.Timeout):
            return None
        return answer.get("result") if isinstance(answer, Mapping) else None

    def ask(self, method: str, *parameters: object) -> object:
        """The result, whatever it is; fails when the node tells an error."""
        request = {"jsonrpc": "2.0", "id": 0, "method": method, "params": list(parameters)}
        answer = self._post(request)
        assert isinstance(answer, Mapping), f"{self.url} answers {method} with {answer}"
        assert "error" not in answer, f"{self.url} refuses {method}: {answer['error']}"
        return answer.get("result")

    def get_all(self, method: str, parameters: Sequence[Sequence[object]]) -> list[object]:
        """A result for each list of parameters, in their order; an error counts as None."""
        results: list[object] = []
        for start in range(0, len(parameters), BATCH):
            batch = [
                {"jsonrpc": "2.0", "id": index, "method": method, "params": list(listed)}
                for index, listed in enumerate(parameters[start : start + BATCH])
            ]
            answers = self._post(batch)
            assert isinstance(answers, list), f"{self.url} does not answer a batch: {answers}"
            by_id = {answer["id"]: answer.get("result") for answer in answers}
            results += [by_id.get(index) for index in range(len(batch))]
        return results

    def head_number(self, tag: str) -> int:
        """Number of the block with that tag; -1 when there is none yet."""
        block = self.get_or_none("eth_getBlockByNumber", tag, False)
        return int(str(block["number"]), 16) if isinstance(block, Mapping) else -1

    def _post(self, content: object) -> object:
        answer: object = self._session.post(
            self.url, data=json.dumps(content), headers={"content-type": "application/json"}, timeout=TIMEOUT_SECONDS
        ).json()
        return answer
