#!/usr/bin/env python3
"""Clients for WS /v1/prices that share no code with Weir: the 'websockets' package from PyPI.

  websocket_clients.py check URL                 the protocol, as that library sees it; exit code 1 on a fault
  websocket_clients.py load URL --connections N  N clients; prints how many prices reached them, and how old

'scripts/websocket-clients' makes the virtual environment and runs this.
"""
import argparse
import asyncio
import json
import resource
import sys
import time

import websockets
from websockets.asyncio.client import connect


async def latest_symbols(url):
    """The symbols that have a price, by the plain GET of the same path."""
    host, path = url.removeprefix("ws://").split("/", 1)
    name, port = host.split(":")
    reader, writer = await asyncio.open_connection(name, int(port))
    writer.write(f"GET /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return [price["symbol"] for price in json.loads(answer.split(b"\r\n\r\n", 1)[1])["prices"]]


async def receive(socket, kind):
    while True:
        message = json.loads(await asyncio.wait_for(socket.recv(), 20))
        if message["type"] == kind:
            return message


async def closed_with(url, code, send):
    async with connect(url, compression=None) as socket:
        await send(socket)
        try:
            while True:
                await asyncio.wait_for(socket.recv(), 20)
        except websockets.ConnectionClosed as closed:
            got = closed.rcvd.code if closed.rcvd else None
            assert got == code, f"closed with {got}, expected {code}"


async def check(url):
    symbol = (await latest_symbols(url))[0]
    # permessage-deflate is offered by default and must be declined, not mangled.
    async with connect(url) as socket:
        assert not socket.protocol.extensions, "an extension was accepted"
        await socket.send(json.dumps({"type": "subscribe", "symbols": [symbol]}))
        assert (await receive(socket, "subscribed"))["symbols"] == [symbol]
        first = await receive(socket, "price")
        assert first["symbol"] == symbol and int(first["seq"]) > 0 and "." in first["price"], first
        await asyncio.wait_for(await socket.ping(b"payload"), 20)

        async def pieces():
            for piece in ('{"type":"unsub', 'scribe","sym', f'bols":["{symbol}"]}}'):
                yield piece

        await socket.send(pieces())
        assert (await receive(socket, "subscribed"))["symbols"] == []
        await socket.send("nonsense")
        assert (await receive(socket, "error"))["code"] == "malformed"
        await socket.close(1000)
        assert socket.close_code == 1000
    await closed_with(url, 1003, lambda socket: socket.send(b"bytes"))
    await closed_with(url, 1009, lambda socket: socket.send("x" * 5000))
    try:
        async with connect(url, origin="https://evil.example"):
            raise AssertionError("another origin was let in")
    except websockets.InvalidStatus as refused:
        assert refused.response.status_code == 403
    print("ok")


async def load(url, connections, seconds, subscribed):
    needed = connections + 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < needed:
        sys.exit(f"{connections} connections need {needed} open files, the limit is {hard}: run 'ulimit -n {needed}' first")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
    symbols = await latest_symbols(url)
    prices, ages, counting, opening = 0, [], False, asyncio.Semaphore(64)
    stop, opened = asyncio.Event(), 0

    async def client(number):
        nonlocal prices, opened
        wanted = [symbols[(number + step) % len(symbols)] for step in range(min(subscribed, len(symbols)))]
        async with opening:
            socket = await connect(url, compression=None, open_timeout=60, ping_interval=None)
            await socket.send(json.dumps({"type": "subscribe", "symbols": wanted}))
            await socket.recv()
            opened += 1
        try:
            while not stop.is_set():
                text = await socket.recv()
                if counting:
                    prices += 1
                    # weir-bench puts the wall clock in nanoseconds into seq.
                    if prices % 100 == 0:
                        ages.append(time.time() - json.loads(text)["seq"] / 1e9)
        finally:
            await socket.close()

    began = time.monotonic()
    clients = [asyncio.create_task(client(number)) for number in range(connections)]
    while opened < connections:
        failed = [task for task in clients if task.done()]
        if failed:
            failed[0].result()
        await asyncio.sleep(0.1)
    print(f"opened   {connections} connections in {time.monotonic() - began:.1f} s")
    counting, start = True, time.monotonic()
    await asyncio.sleep(seconds)
    counting, took = False, time.monotonic() - start
    lost = sum(task.done() for task in clients)
    ages.sort()
    at = lambda share: f"{1000 * ages[int(len(ages) * share)]:.0f} ms" if ages else "none"
    print(f"prices   {prices / took:.0f}/s to clients; age p50 {at(0.5)}, p99 {at(0.99)} (this client is the slow part)")
    print(f"lost     {lost} connections")
    stop.set()
    for task in clients:
        task.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    sys.exit(1 if lost else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["check", "load"])
    parser.add_argument("url", help="ws://host:port/v1/prices")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--subscribed", type=int, default=4)
    options = parser.parse_args()
    if options.what == "check":
        asyncio.run(check(options.url))
    else:
        asyncio.run(load(options.url, options.connections, options.seconds, options.subscribed))


main()
