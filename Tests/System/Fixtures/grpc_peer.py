"""A gRPC server and a gRPC client that nobody of this project wrote, grpcio's.

    grpc_peer.py serve ADDRESS:PORT             answers every call with ADDRESS until it is killed
    grpc_peer.py call TARGET FOLDER             calls TARGET again and again; whenever the file FOLDER/expected says who is to
                                                answer, waits until all of those do and no others, and writes FOLDER/seen

The client knows nothing of round_robin but what the service config says that it finds in DNS.
"""

import os
import sys
import time
from concurrent import futures

# c-ares asks the server that the target names; the system's resolver would not.
os.environ["GRPC_DNS_RESOLVER"] = "ares"

import grpc  # noqa: E402

METHOD = "/test.Peer/Who"


def serve(address):
    class Handler(grpc.GenericRpcHandler):
        def service(self, details):
            return grpc.unary_unary_rpc_method_handler(lambda request, context: address.encode())

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((Handler(),))
    server.add_insecure_port(address)
    server.start()
    print("serving", flush=True)
    server.wait_for_termination()


def call(target, folder):
    options = [
        # Off by default in the C core.
        ("grpc.service_config_disable_resolution", 0),
        ("grpc.dns_min_time_between_resolutions_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 500),
        ("grpc.enable_http_proxy", 0),
    ]
    answered = None
    with grpc.insecure_channel(target, options=options) as channel:
        who = channel.unary_unary(METHOD)
        deadline = time.monotonic() + 100
        recent = []
        while time.monotonic() < deadline:
            try:
                recent.append(who(b"", timeout=5, wait_for_ready=True).decode())
            except grpc.RpcError as error:
                recent.append(str(error.code()))
            recent = recent[-30:]
            expected = read(os.path.join(folder, "expected"))
            if expected != answered and len(recent) == 30 and sorted(set(recent)) == expected.split():
                answered = expected
                with open(os.path.join(folder, "seen.new"), "w") as seen:
                    seen.write(expected)
                os.rename(os.path.join(folder, "seen.new"), os.path.join(folder, "seen"))
            time.sleep(0.01)
    print("not answered by", read(os.path.join(folder, "expected")), "but by", sorted(set(recent)))
    sys.exit(1)


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(sys.argv[2])
    else:
        call(sys.argv[2], sys.argv[3])
