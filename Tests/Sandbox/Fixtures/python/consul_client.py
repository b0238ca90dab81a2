"""Drives a Consul through py-consul, a client that knows nothing of the stand-in.

Usage: consul_client.py HOST PORT PREFIX
Every name begins with PREFIX, so that a shared server can be used; everything is removed in the end.
Prints one line for each step that holds and exits 0, or fails with a traceback.
"""

import base64
import sys
import threading

import consul
import consul.exceptions

HOST, PORT, PREFIX = sys.argv[1], int(sys.argv[2]), sys.argv[3]
NODE = f"{PREFIX}-node"
WEB = f"{PREFIX}-web"
client = consul.Consul(host=HOST, port=PORT)


def other_client():
    return consul.Consul(host=HOST, port=PORT)


def step(function):
    function()
    print("ok", function.__name__, flush=True)


def register(number, status="passing", through=None):
    return (through or client).catalog.register(
        NODE,
        "192.0.2.1",
        service={"service": WEB, "id": f"{WEB}-{number}", "address": f"10.1.0.{number}", "port": 80, "tags": ["v1"]},
        check={
            "checkid": f"{WEB}-{number}:ready",
            "name": "ready",
            "status": status,
            "serviceid": f"{WEB}-{number}",
        },
    )


def catalog():
    assert register(1)
    assert register(2, "critical")
    _, services = client.catalog.services()
    assert services[WEB] == ["v1"], services
    _, instances = client.catalog.service(WEB)
    assert [i["ServiceAddress"] for i in instances] == ["10.1.0.1", "10.1.0.2"], instances
    _, node = client.catalog.node(NODE)
    assert set(node["Services"]) == {f"{WEB}-1", f"{WEB}-2"}, node
    _, nodes = client.catalog.nodes()
    assert NODE in [n["Node"] for n in nodes], nodes
    assert "dc1" in client.catalog.datacenters()
    assert client.status.leader() != ""


def health():
    _, everything = client.health.service(WEB)
    assert len(everything) == 2
    _, passing = client.health.service(WEB, passing=True)
    assert [e["Service"]["ID"] for e in passing] == [f"{WEB}-1"], passing
    _, checks = client.health.checks(WEB)
    assert {c["Status"] for c in checks} == {"passing", "critical"}, checks


def blocking():
    index, before = client.health.service(WEB, passing=True)
    writer = threading.Timer(0.2, lambda: register(2, through=other_client()))
    writer.start()
    while True:
        following, now = client.health.service(WEB, passing=True, index=index, wait="30s")
        assert int(following) >= int(index)
        index = following
        if len(now) == len(before) + 1:
            break
    writer.join()


def transaction():
    def service(number, verb="set"):
        return {
            "Service": {
                "Verb": verb,
                "Node": NODE,
                "Service": {"ID": f"{WEB}-{number}", "Service": WEB, "Address": f"10.1.1.{number}", "Port": 80},
            }
        }

    answer = client.txn.put([service(100 + n) for n in range(64)])
    assert len(answer["Results"]) == 64 and answer["Errors"] is None, answer
    _, instances = client.catalog.service(WEB)
    assert len(instances) == 66
    for wrong in ([service(n) for n in range(65)], [service(1, "upsert")]):
        try:
            client.txn.put(wrong)
        except consul.exceptions.ClientError as error:
            assert str(error).startswith(("413", "409")), error
        else:
            raise AssertionError("accepted")
    client.txn.put([service(100 + n, "delete") for n in range(64)])
    _, instances = client.catalog.service(WEB)
    assert len(instances) == 2
    value = base64.b64encode(b"one").decode()
    client.txn.put([{"KV": {"Verb": "set", "Key": f"{PREFIX}/txn", "Value": value}}])
    assert client.kv.get(f"{PREFIX}/txn")[1]["Value"] == b"one"


def keys():
    key = f"{PREFIX}/key"
    assert client.kv.get(key)[1] is None
    assert client.kv.put(key, "first", flags=7)
    index, entry = client.kv.get(key)
    assert entry["Value"] == b"first" and entry["Flags"] == 7, entry
    assert not client.kv.put(key, "lost", cas=0)
    assert client.kv.put(key, "second", cas=entry["ModifyIndex"])
    writer = threading.Timer(0.2, lambda: other_client().kv.put(key, "third"))
    writer.start()
    index, _ = client.kv.get(key)
    _, entry = client.kv.get(key, index=index, wait="30s")
    writer.join()
    assert entry["Value"] == b"third", entry
    assert client.kv.get(f"{PREFIX}/", keys=True)[1] == [key, f"{PREFIX}/txn"]
    assert client.kv.delete(f"{PREFIX}/", recurse=True)
    assert client.kv.get(f"{PREFIX}/", recurse=True)[1] is None


def lock():
    key = f"{PREFIX}/lock"
    holder = client.session.create(name=f"{PREFIX}-holder", lock_delay=0, ttl=10)
    other = client.session.create(name=f"{PREFIX}-other", lock_delay=0, ttl=10)
    assert client.kv.put(key, "holder", acquire=holder)
    assert not client.kv.put(key, "other", acquire=other)
    assert client.kv.get(key)[1]["Session"] == holder
    assert client.session.renew(holder)["ID"] == holder
    assert client.session.destroy(holder)
    assert "Session" not in client.kv.get(key)[1]
    assert client.kv.put(key, "other", acquire=other)
    assert client.kv.put(key, "free", release=other)
    assert client.session.destroy(other)
    assert client.kv.delete(key)


def time_to_live():
    name = f"{PREFIX}-agent"
    check = consul.Check.ttl("1s")
    assert client.agent.service.register(name, service_id=name, address="10.4.0.1", port=9000, check=check)
    assert client.health.service(name, passing=True)[1] == []
    assert client.agent.check.ttl_pass(f"service:{name}", "alive")
    # The agent carries changes into the catalog in its own time.
    index, entries = client.health.service(name)
    while not entries or "TTL expired" not in entries[0]["Checks"][-1]["Output"]:
        index, entries = client.health.service(name, index=index, wait="30s")
    assert entries[0]["Checks"][-1]["Status"] == "critical", entries
    assert name in client.agent.services()
    assert client.agent.service.deregister(name)
    while entries:
        index, entries = client.health.service(name, index=index, wait="30s")


def deregister():
    assert client.catalog.deregister(NODE, service_id=f"{WEB}-1")
    assert [i["ServiceID"] for i in client.catalog.service(WEB)[1]] == [f"{WEB}-2"]
    assert client.catalog.deregister(NODE)
    assert client.catalog.node(NODE)[1] is None


try:
    for function in (catalog, health, blocking, transaction, keys, lock, time_to_live, deregister):
        step(function)
finally:
    client.catalog.deregister(NODE)
    client.kv.delete(f"{PREFIX}/", recurse=True)
    client.agent.service.deregister(f"{PREFIX}-agent")
