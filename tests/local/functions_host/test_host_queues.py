"""Queue rules on a real queue: delete, come again, poison, invisible while worked on."""

from __future__ import annotations

import itertools
import json
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from tests.local.azureml.rig import until
from tests.local.functions_host.rig import quiet

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local.functions_host.rig import Host, Storage


def wish(name: str, **more: Any) -> str:
    return json.dumps({"name": name, **more})


def _until_called(host: Host, times: int) -> None:
    until(lambda: len(host.bodies()) == times, 20, "the call")


def test_success_deletes_the_message(host: Host, storage: Storage) -> None:
    body = wish("success")
    storage.send(host.queue, body)

    until(lambda: body in host.bodies("worked-end"), 20, "the call")
    until(lambda: storage.count(host.queue) == 0, 20, "the message is gone")
    assert host.bodies().count(body) == 1


def test_an_async_function_is_awaited(host: Host, storage: Storage) -> None:
    storage.send(f"{host.queue}-async", "soon")

    until(lambda: host.bodies("awaited") == ["soon"], 20, "the call")


def test_failure_comes_again_after_the_visibility_timeout_and_ends_in_poison(
    host: Host, storage: Storage
) -> None:
    body = wish("failure", fail=True)
    storage.send(host.queue, body)

    until(lambda: body in storage.peek(f"{host.queue}-poison"), 30, "the message in poison")
    tries = [call for call in host.calls("worked") if call["body"] == body]
    assert [call["tries"] for call in tries] == [1, 2, 3]
    gaps = [later["at"] - earlier["at"] for earlier, later in itertools.pairwise(tries)]
    assert all(gap >= 0.95 for gap in gaps), gaps
    until(lambda: storage.count(host.queue) == 0, 20, "nothing is left in the queue")


def test_a_returned_value_without_a_binding_is_a_failure(host: Host, storage: Storage) -> None:
    body = wish("returning", **{"return": 1})
    storage.send(host.queue, body)

    until(lambda: body in storage.peek(f"{host.queue}-poison"), 30, "the message in poison")
    assert "no $return binding" in host.log()


def test_text_that_is_not_base64_goes_to_poison_and_holds_up_nobody(host: Host, storage: Storage) -> None:
    body = wish("neighbour")
    storage.send(host.queue)
    storage.queues.get_queue_client(host.queue).send_message("{not base64}")
    storage.send(host.queue, body)

    until(lambda: body in host.bodies("worked-end"), 20, "the neighbour's call")
    poison = storage.queues.get_queue_client(f"{host.queue}-poison")

    def given_up() -> list[str]:
        try:
            return [message.content for message in poison.receive_messages()]
        except ResourceNotFoundError:
            return []  # the first message of its kind makes the queue

    until(lambda: "{not base64}" in given_up(), 60, "the text as it stood in poison")


def test_a_message_stays_invisible_while_it_is_worked_on_for_longer_than_its_lease(
    make_host: Callable[..., Host], storage: Storage
) -> None:
    host, body = make_host("--queue-lease-seconds", "2"), wish("long", wait="go")
    host.start()
    storage.send(host.queue, body)
    until(lambda: body in host.bodies(), 20, "the call")

    quiet(5)
    assert storage.peek(host.queue) == []
    assert host.bodies() == [body]

    host.allow("go")
    until(lambda: storage.count(host.queue) == 0, 20, "the message is gone")
    assert host.bodies() == [body]


def test_messages_that_wait_for_a_thread_keep_their_lease(
    make_host: Callable[..., Host], storage: Storage
) -> None:
    host, bodies = make_host("--queue-lease-seconds", "2"), [wish(str(number)) for number in range(8)]
    host.start()
    with ThreadPoolExecutor(32) as pool:
        # All of the host's threads, so that the messages have to wait for one.
        asked = [pool.submit(host.get, "api/broken?why=not&wait=go") for _ in range(32)]
        until(lambda: len(host.calls("broken")) == 32, 20, "all requests under way")
        storage.send(host.queue, *bodies)
        until(lambda: storage.peek(host.queue) == [], 20, "the messages are taken")
        quiet(5)
        assert host.bodies() == []
        host.allow("go")
        assert {answer.result().status_code for answer in asked} == {500}

    until(lambda: storage.count(host.queue) == 0, 30, "the queue is empty")
    quiet(1)
    assert sorted(host.bodies("worked-end")) == sorted(bodies)


def test_no_more_than_a_batch_and_a_new_one_are_taken_at_once(
    make_host: Callable[..., Host], storage: Storage
) -> None:
    host = make_host()
    storage.send(host.queue, *(wish(str(number), wait="go") for number in range(40)))
    host.start()
    until(lambda: len(host.bodies()) == 16, 20, "a batch under way")

    quiet(1.5)
    assert len(host.bodies()) == 16
    host.allow("go")
    until(lambda: len(host.bodies("worked-end")) == 40, 60, "all calls")


def test_sigkill_loses_no_message(make_host: Callable[..., Host], storage: Storage) -> None:
    host = make_host("--queue-lease-seconds", "2")
    bodies = [wish(str(number), wait="go") for number in range(5)]
    host.start()
    storage.send(host.queue, *bodies)
    until(lambda: len(host.bodies()) == 5, 20, "all under way")

    host.signal(signal.SIGKILL)
    assert host.ended() == -signal.SIGKILL
    assert storage.count(host.queue) == 5
    host.allow("go")
    host.start()

    until(lambda: sorted(host.bodies("worked-end")) == sorted(bodies), 30, "all done after the restart")
    until(lambda: storage.count(host.queue) == 0, 20, "the queue is empty")


def test_a_message_that_kills_the_host_each_time_ends_in_poison(
    make_host: Callable[..., Host], storage: Storage
) -> None:
    host, body = make_host("--queue-lease-seconds", "1"), wish("deadly", wait="never")
    storage.send(host.queue, body)
    for tries in (1, 2, 3):
        host.start()
        _until_called(host, tries)
        host.signal(signal.SIGKILL)
        host.ended()
    host.start()

    until(lambda: storage.peek(f"{host.queue}-poison") == [body], 20, "the message in poison")
    assert host.bodies() == [body] * 3


def test_sigterm_takes_nothing_new_and_waits_for_calls_under_way(
    make_host: Callable[..., Host], storage: Storage
) -> None:
    host, first, second = make_host(), wish("first", wait="go"), wish("second")
    host.start()
    storage.send(host.queue, first)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(host.get, "api/slow?wait=go")
        until(lambda: first in host.bodies() and host.calls("slow"), 20, "both calls")

        host.signal(signal.SIGTERM)
        quiet(1)
        storage.send(host.queue, second)
        quiet(2)
        assert host.process
        assert host.process.poll() is None
        host.allow("go")
        assert asked.result().text == "done"

    assert host.ended() == 0
    assert host.bodies("worked-end") == [first]
    assert storage.peek(host.queue) == [second]


def test_sigterm_gives_up_on_a_call_that_does_not_end(
    make_host: Callable[..., Host], storage: Storage
) -> None:
    host, body = make_host("--grace-seconds", "1"), wish("hanging", wait="never")
    host.start()
    storage.send(host.queue, body)
    until(lambda: body in host.bodies(), 20, "the call")

    host.signal(signal.SIGTERM)

    assert host.ended(15) == 1
    assert storage.count(host.queue) == 1
