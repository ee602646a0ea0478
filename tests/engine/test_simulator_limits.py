"""The limits of the Cloud API: a second's messages, a pair's pace, a day's people, an hour's calls, a token's life."""

from __future__ import annotations

import pytest

from engine.gateway.simulator.clock import VirtualClock
from engine.gateway.simulator.limits import DAY_S, Pairs, People, Throughput
from engine.gateway.simulator.scenario import Pair, Portfolio, Scenario, Token
from tests.simulating import graph, listening, number

ANA = "16505551234"


def test_throughput_counts_the_last_second_of_each_number() -> None:
    throughput = Throughput()
    assert [throughput.admit("1", 3, at) for at in (0.0, 0.1, 0.2, 0.9, 0.999)] == [True] * 3 + [False] * 2
    assert throughput.admit("2", 3, 0.9)
    assert [throughput.admit("1", 3, at) for at in (1.0, 1.05, 1.1, 1.15)] == [True, False, True, False]
    # A higher limit counts at once, with what was sent before.
    assert [throughput.admit("1", 5, at) for at in (1.15, 1.16, 1.17)] == [True, True, False]


def test_a_pair_borrows_45_messages_and_pays_six_seconds_for_each() -> None:
    pairs = Pairs(Pair(every_ms=6000, burst=45))

    def send(to: str, now: float) -> bool:
        if pairs.over("1", to, now):
            return False
        pairs.note("1", to, now)
        return True

    assert [send(ANA, 0.0) for _ in range(46)] == [True] * 45 + [False]
    assert not send(ANA, 5.9)
    assert send(ANA, 6.0)
    assert not send(ANA, 6.0)
    assert send(number(1), 6.0)
    # All of the burst is there again only once it was paid back.
    paid = 46 * 6.0
    assert [send(ANA, paid) for _ in range(46)] == [True] * 45 + [False]


def test_pairs_that_owe_nothing_are_forgotten() -> None:
    pairs = Pairs(Pair(every_ms=6000))
    for i in range(60_000):
        pairs.note("1", str(i), i * 1.0)
    assert len(pairs._free_at) < 25_000
    assert not pairs.over("1", "59999", 60_000.0)


def test_a_person_counts_for_24_hours_from_the_last_message() -> None:
    people = People(2)
    people.note("a", 0.0)
    people.note("b", 10.0)
    assert people.over("c", 20.0)
    assert not people.over("a", 20.0)
    people.note("a", 20.0)
    assert people.over("c", DAY_S + 9.9)
    assert not people.over("c", DAY_S + 10.0)
    assert people.count(DAY_S + 10.0) == 1


async def test_the_pair_limit_answers_131056_until_time_passed() -> None:
    clock = VirtualClock()
    scenario = Scenario(pair=Pair(every_ms=6000, burst=3), throttle_http_status=429)
    async with graph(scenario, clock=clock) as (simulator, client):
        assert [await client.send() for _ in range(4)] == [200, 200, 200, 131056]
        assert await client.send(sender="2") == 200
        assert await client.send("+16505550000") == 200
        clock.advance(6)
        assert [await client.send() for _ in range(2)] == [200, 131056]
    assert len(simulator.accepted) == 6


async def test_the_portfolio_limit_is_pooled_over_all_numbers() -> None:
    clock = VirtualClock()
    async with graph(Scenario(portfolio=Portfolio(limit=3)), clock=clock) as (_, client):
        codes = [await client.send("+" + number(i), sender=str(1 + i % 2)) for i in range(5)]
        assert codes == [200, 200, 200, 131048, 131048]
        assert await client.send("+" + number(0)) == 200
        clock.advance(DAY_S)
        assert await client.send("+" + number(4)) == 200


async def test_the_portfolio_limit_may_be_told_by_callback() -> None:
    scenario = Scenario(portfolio=Portfolio(limit=1, code=131049, by="callback"))
    async with graph(scenario) as (simulator, client), listening(simulator) as inbox:
        assert [await client.send("+" + number(i), f"1.{i}.1") for i in range(2)] == [200, 200]
        await inbox.until(lambda updates: len(updates) == 4)
    assert {(update.seq, update.status, update.code) for update in inbox.updates} == {
        (0, "sent", None),
        (0, "delivered", None),
        (0, "read", None),
        (1, "failed", 131049),
    }


@pytest.mark.parametrize("token", [Token(requests=3), Token(lasts_ms=60_000)])
async def test_a_token_expires_and_another_is_as_good_as_new(token: Token) -> None:
    clock = VirtualClock()
    async with graph(Scenario(token=token), clock=clock) as (simulator, client):
        assert [await client.send() for _ in range(3)] == [200] * 3
        clock.advance(60)
        status, document = await client.post("/v23.0/1/messages", {})
        assert (status, document["error"]["code"], document["error"]["error_subcode"]) == (401, 190, 463)
        assert (await client.get("/v23.0/1/phone_numbers"))[0] == 401
        client.token = "another"
        assert await client.send() == 200
    assert len(simulator.accepted) == 4


async def test_calls_about_the_account_have_a_limit_of_their_own() -> None:
    clock = VirtualClock()
    async with graph(Scenario(management_calls=2), clock=clock) as (_, client):
        codes = [(await client.get("/v23.0/1/message_templates"))[0] for _ in range(3)]
        assert codes == [200, 200, 400]
        assert await client.send() == 200
        clock.advance(3600)
        assert (await client.get("/v23.0/1/phone_numbers"))[0] == 200
