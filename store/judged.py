"""The policy for commands, which no running Larder tells them: what `store.current` would decide."""

import time

from store.current import SETTLED, judge, read_kept
from store.data import Data
from store.policy import Policies
from store.policy_file import CLOSED, parse_policies
from store.sample import Sample, read_mark, read_sample


class Judged:
    """What a Larder would put in force that runs from now on, for commands that it need not run for."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._kept = read_kept(data.kept_policy)
        self._mark: tuple[int, ...] = ()
        self._policies = parse_policies(CLOSED)
        self.problem = ""  # with the policy, as of the last reading

    def read(self) -> Policies:
        """At this moment. As for `CurrentPolicy`, what cannot be used, or may be half written, changes nothing."""
        mark = read_mark(self._data.policy)
        if not mark or mark != self._mark:  # it is asked before each file of an export
            sample = read_sample(self._data.policy)
            self._policies, self._mark = self._judge(sample), sample.mark if _has_lasted(sample) else ()
        return self._policies

    def _judge(self, sample: Sample) -> Policies:
        if sample.content is not None and not sample.mark:
            self.problem = "somebody is writing it; what was in force, if anything, stays meanwhile"
            return parse_policies(CLOSED if self._kept is None else self._kept)
        content, self.problem, _ = judge(sample, self._kept)
        self._kept = self._kept if content == CLOSED else content
        return parse_policies(content)


def _has_lasted(sample: Sample) -> bool:
    """Whether no later change could bear the same mark: times on a disk are no finer than some milliseconds."""
    return bool(sample.mark) and not sample.reason and time.time_ns() - sample.mark[-1] > SETTLED * 10**9
