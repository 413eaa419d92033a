"""One request and its answer: what all paths of the server extension have in common."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, TypeVar

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from pydantic import ValidationError
from tornado.web import HTTPError, authenticated

from phtlab.errors import PhtlabError
from phtlab.lab.server.api import ApiModel
from phtlab.lab.server.contents_root import ContentsRoot
from phtlab.lab.server.refusals import Refusal, refusal_of_status
from phtlab.lab.server.streams import Streams
from phtlab.lab.server.threads import Kind, Threads
from phtlab.lab.workspace.workspace import Workspace

KIB: Final = 1024


class Nothing(ApiModel):
    """`{}`."""


Content = TypeVar("Content", bound=ApiModel)


class Attachment:
    """An answer that the browser saves as a file."""

    def __init__(self, name: str, content: bytes) -> None:
        self.name = "".join(c if c.isalnum() or c in "-_." else "-" for c in name)
        self.content = content


# What is answered to a good request. (A sequence, as a list of a model is one of no other.)
Answer = ApiModel | Sequence[ApiModel] | Attachment


class Exchange(APIHandler, Generic[Content]):
    """A path: `read` answers GET, `act` answers POST; a subclass has one of them, or both.

    Jupyter says who is let in and by which methods (`phtlab` is the resource for an Authorizer),
    and asks for its XSRF token; a subclass cannot leave that out. `read` and `act` run in a thread
    of the kind that the subclass names; what they raise is told as a Refusal. `limit` is in bytes.
    """

    auth_resource = "phtlab"

    takes: ClassVar[type[ApiModel]] = Nothing
    limit: ClassVar[int] = 64 * KIB
    reads_in: ClassVar[Kind] = "quick"
    acts_in: ClassVar[Kind] = "slow"
    # The field of a form that a code is about, where that is special here.
    fields: ClassVar[Mapping[str, str]] = {}

    def initialize(self, workspace: Workspace, threads: Threads, streams: Streams) -> None:
        self.workspace = workspace
        self.threads = threads
        self.streams = streams

    @classmethod
    def verbs(cls) -> tuple[str, ...]:
        """The methods that this path answers."""
        reads = cls.read is not Exchange.read or cls.respond is not Exchange.respond
        acts = cls.act is not Exchange.act or cls.perform is not Exchange.perform
        return ("GET",) * reads + ("POST",) * acts

    def read(self, **path: str) -> Answer:
        raise Refusal(405, *_NO_SUCH_VERB)

    def act(self, body: Content, **path: str) -> Answer:
        raise Refusal(405, *_NO_SUCH_VERB)

    @property
    def root(self) -> ContentsRoot:
        """The folder that Lab shows. Raises Refusal where contents are no files."""
        return ContentsRoot.of(self.contents_manager)

    # Below is how Jupyter and tornado ask.

    async def prepare(self) -> None:
        await super().prepare()
        # Of any method, before the body is looked into; a preflight has no login and gets nothing.
        if not self.current_user and self.request.method != "OPTIONS":
            raise HTTPError(403)
        # Judged when it is here as a whole, as Jupyter reads every body: a server that answers and
        # hangs up before leaves a hub's proxy with a broken connection and no answer.
        if len(self.request.body) > self.limit:
            raise HTTPError(413)

    @authenticated
    @authorized
    async def get(self, **path: str) -> None:
        await self.respond(**path)

    @authenticated
    @authorized
    async def post(self, **path: str) -> None:
        await self._answer(await self.perform(self._body(), **path))

    async def respond(self, **path: str) -> None:
        """Answer a GET; a path whose answer is no document replaces it."""
        await self._answer(await self.threads.run(self.reads_in, lambda: self.read(**path)))

    async def perform(self, body: Content, **path: str) -> Answer:
        """What a POST is answered; a path that needs the event loop replaces it."""
        return await self.threads.run(self.acts_in, lambda: self.act(body, **path))

    async def _answer(self, answer: Answer) -> None:
        self.set_header("Cache-Control", "no-store")
        if isinstance(answer, Attachment):
            self.set_header("Content-Disposition", f'attachment; filename="{answer.name}"')
            await self.finish(answer.content, set_content_type="application/octet-stream")
        else:
            await self.finish(json.dumps(_json(answer), allow_nan=False))

    def _body(self) -> Any:
        try:
            return self.takes.model_validate_json(self.request.body)
        except ValidationError as error:
            raise Refusal.of_body(error) from None

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        refusal = self._refusal(status_code, error)
        self.set_status(refusal.status)
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(refusal.problem.to_json()))

    def _refusal(self, status: int, error: BaseException | None) -> Refusal:
        if isinstance(error, Refusal):
            return error
        if isinstance(error, PhtlabError):
            return Refusal.of(error, self.fields)
        if status == 403 and not self.current_user:
            return Refusal(403, *_LOGGED_OUT)
        return refusal_of_status(status)

    def log_exception(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: Any
    ) -> None:
        """Which path refused with which code, and where a failure was; never a value."""
        place = f"{self.request.method} {type(self).__name__}"
        if isinstance(error, Refusal | PhtlabError):
            self.log.info("phtlab: %s: %s", place, error.code)
        elif isinstance(error, HTTPError):
            self.log.info("phtlab: %s: %s", place, error.status_code)
        else:
            frames = "\n".join(
                f"  {frame.filename}:{frame.lineno} in {frame.name}"
                for frame in traceback.extract_tb(trace)
            )
            self.log.error("phtlab: %s failed: %s\n%s", place, kind and kind.__name__, frames)


def _json(answer: ApiModel | Sequence[ApiModel]) -> Any:
    """`answer` for `json.dumps`: what is no model of the API cannot be sent."""
    if isinstance(answer, ApiModel):
        return answer.to_json()
    return [part.to_json() for part in answer]


_NO_SUCH_VERB: Final = ("request", "This address does not take that kind of request.")
_LOGGED_OUT: Final = (
    "logged-out",
    "You are not logged in at your Jupyter server any more.",
    "Log in in another tab, then try again here: what is open stays.",
)
