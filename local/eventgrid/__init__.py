"""Event Grid on a laptop: a topic that delivers to webhooks, and a relay that tells of new blobs.

The relay, which reads storage, is imported by name only: the topic needs no Azure package.
"""

from local.eventgrid.topic import Faults, Topic

__all__ = ["Faults", "Topic"]
