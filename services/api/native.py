"""The native API under /v1, signed like any AWS call, for the service `muniment`; and what monitors ask."""

import json
import uuid

from projections.runner import Runner
from services.ledger.committer import Committer
from services.ledger.recorder import Connections
from services.ledger.round import Clock
from services.wire.dispatch import Dispatch, Origin, Response
from services.wire.http import RawRequest


class Native:
    def __init__(
        self, dispatch: Dispatch, committer: Committer, runner: Runner, readers: Connections, clock: Clock
    ) -> None:
        self._dispatch = dispatch
        self._committer = committer
        self._runner = runner
        self._readers = readers
        self._clock = clock

    async def answer(self, raw: RawRequest, origin: Origin) -> Response:
        raise NotImplementedError

    async def health(self, path: bytes) -> Response:
        return Response(200, json.dumps({"status": "ok"}).encode(), str(uuid.uuid4()), content_type="application/json")
