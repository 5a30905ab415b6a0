"""What the policy in force says of a repository, for a request."""

from store.current import InForce
from store.policy import Policy
from uploader.answers import HttpRefusal


class Rules(InForce):
    """As of the moment of each question."""

    def of(self, repository: str) -> Policy:
        """HttpRefusal where nothing was decided yet."""
        policies = self.read()
        if policies is None:
            raise HttpRefusal(503, "the indexer has not yet said which policy is in force; expected it at any moment")
        return policies.of(repository)
