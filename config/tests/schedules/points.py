"""Named points of a sync at which something else happens: before and after each call, each page, each commit.

At a call no transaction is open, so anything may happen there: the bank changes its data, the person edits, another
worker has its turn. In a transaction the only thing that may happen is that the worker dies.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from banking.plaid.transport import PlaidTransport
from banking.sync.staging_file import StagingFile

Action = Callable[[], None]


class Killed(BaseException):
    """The worker's process is killed. No handler of the site catches it, and an open transaction is rolled back."""


def kill() -> None:
    raise Killed


class Points:
    """What happens at which point of the syncs that run now, by kind of point and how many were passed before."""

    def __init__(self) -> None:
        self.plan: dict[tuple[str, int], Action] = {}
        self.passed: dict[str, Iterator[int]] = {}
        self.on_call: Action | None = None

    @contextmanager
    def happening(self, plan: dict[tuple[str, int], Action]) -> Iterator[None]:
        """Let these actions happen in the block, each at most once."""
        self.plan, self.passed = dict(plan), {}
        try:
            yield
        finally:
            self.plan = {}

    def reach(self, kind: str) -> None:
        """Do what is planned for this point of a sync."""
        if kind == "call" and self.on_call is not None:
            self.on_call()
        if not self.plan:
            return
        number = next(self.passed.setdefault(kind, itertools.count()))
        if action := self.plan.pop((kind, number), None):
            action()

    def on_statement(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        """A wrapper of the database's statements; see ``connection.execute_wrapper``."""
        self.reach("statement")
        return execute(sql, params, many, context)


def install_points(points: Points, patch: pytest.MonkeyPatch) -> None:
    """Let the site's code pass the points."""
    post, add_page, commit = PlaidTransport.post, StagingFile.add_page, BaseDatabaseWrapper._commit

    def post_through_points(self: PlaidTransport, endpoint: str, fields: dict[str, Any], *, seconds: float) -> bytes:
        points.reach("call")
        body = post(self, endpoint, fields, seconds=seconds)
        points.reach("call")
        return body

    def add_page_after_point(self: StagingFile, page: Any) -> None:
        points.reach("page")
        add_page(self, page)

    def commit_between_points(self: BaseDatabaseWrapper) -> None:
        if self.alias != "default":
            return commit(self)
        try:
            points.reach("commit")
        except Killed:
            self.connection.rollback()
            raise
        commit(self)
        return points.reach("commit")

    patch.setattr(PlaidTransport, "post", post_through_points)
    patch.setattr(StagingFile, "add_page", add_page_after_point)
    patch.setattr(BaseDatabaseWrapper, "_commit", commit_between_points)
