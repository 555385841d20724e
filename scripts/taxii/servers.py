"""Starts and stops the TAXII servers of the tests; see scripts/taxii-servers.

A server gets its listening socket from here, so no two can want the same port,
and whoever asks it before it is ready waits in the socket's queue. A server
is ended by the pid that start wrote, and only if that pid is still the
process that it was: the kernel's start time of it is kept too.
"""
import argparse
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NAMES = ("taxii1", "taxii2")
PROBE = {"taxii1": "/management/health", "taxii2": "/taxii2/"}
START_LIMIT, STOP_LIMIT = 120, 10  # seconds


class Failed(Exception):
    pass


def started(pid):
    """When a process began, as a text to compare; None if there is no such process."""
    if os.path.isdir("/proc/self"):
        try:
            with open("/proc/%d/stat" % pid) as f:
                fields = f.read().rsplit(")", 1)[1].split()
        except OSError:
            return None
        return None if fields[0] == "Z" else fields[19]
    ps = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return ps.stdout.strip() or None


def alive(server):
    return started(server["pid"]) == server["started"]


def end(server):
    """Ends a server: asks, and after a while insists."""
    for sig in (signal.SIGTERM, signal.SIGKILL):
        if not alive(server):
            return
        os.kill(server["pid"], sig)
        wait_gone(server)


def wait_gone(server):
    if hasattr(os, "pidfd_open"):
        try:
            fd = os.pidfd_open(server["pid"])
        except OSError:
            return
        select.select([fd], [], [], STOP_LIMIT if alive(server) else 0)
        os.close(fd)
        return
    until = time.monotonic() + STOP_LIMIT
    while alive(server) and time.monotonic() < until:
        time.sleep(0.05)


def state_path(folder):
    return os.path.join(folder, "servers.json")


def load(folder):
    try:
        with open(state_path(folder)) as f:
            return json.load(f)
    except FileNotFoundError:
        return {}


def save(folder, state):
    with open(state_path(folder) + ".part", "w") as f:
        json.dump(state, f)
    os.replace(f.name, state_path(folder))


@contextlib.contextmanager
def locked(folder):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def launch(name, args):
    """Starts one server on a port of its own, not waiting for it."""
    folder = os.path.join(args.dir, name)
    os.makedirs(folder, exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        url = "http://127.0.0.1:%d" % listener.getsockname()[1]
        conf = dict(vars(args), folder=folder, url=url, fd=listener.fileno())
        conf_path = os.path.join(folder, "conf.json")
        with open(conf_path, "w") as f:
            json.dump(conf, f)
        with open(os.path.join(folder, "log.txt"), "w") as log:
            child = subprocess.Popen(
                [sys.executable, "-B", "-W", "ignore", os.path.join(HERE, name + ".py"), conf_path],
                stdin=None if args.until_eof else subprocess.DEVNULL, stdout=log, stderr=log,
                env={k: v for k, v in os.environ.items() if not k.startswith("OPENTAXII_")},
                pass_fds=[listener.fileno()], start_new_session=True, cwd=folder)
    return dict(pid=child.pid, started=started(child.pid), log=log.name, base=url)


def wait_ready(name, server):
    """Any HTTP answer will do; a server that died has taken its socket along."""
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(server["base"] + PROBE[name], timeout=START_LIMIT).close()
    except urllib.error.HTTPError:
        pass  # 401, 406
    except OSError as e:
        with open(server["log"]) as f:
            raise Failed("%s did not start: %s\n%s" % (name, e, f.read()[-3000:]))


def start(args):
    if any(alive(s) for s in load(args.dir).get("servers", {}).values()):
        raise Failed("they run in %s already; another DIR, or stop them first" % args.dir)
    servers = {}
    try:
        for name in NAMES:
            servers[name] = launch(name, args)
            save(args.dir, {"servers": servers})
        for name in NAMES:
            wait_ready(name, servers[name])
    except BaseException:
        for s in servers.values():
            end(s)
        raise
    state = {"servers": servers, "line": line(args, servers)}
    save(args.dir, state)
    print(json.dumps(state["line"]))


def line(args, servers):
    """What start prints."""
    login = {"user": args.user, "password": args.password}
    one, two = servers["taxii1"]["base"], servers["taxii2"]["base"]
    return {
        "taxii1": dict(login, pid=servers["taxii1"]["pid"], url=one + "/taxii/discovery", collections=one + "/taxii/collections",
                       poll=one + "/taxii/poll", inbox=one + "/taxii/inbox", jwt=one + "/management/auth"),
        "taxii2": dict(login, pid=servers["taxii2"]["pid"], url=two + "/taxii2/", root=two + "/root/"),
        "python": sys.executable,
        "cabby": os.path.join(os.path.dirname(sys.executable), "taxii-poll"),
        "fixtures": args.fixtures,
        "dir": args.dir,
    }


def stop(args):
    for s in load(args.dir).get("servers", {}).values():
        end(s)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(state_path(args.dir))


def status(args):
    state = load(args.dir)
    if not all(alive(s) for s in state.get("servers", {}).values()) or "line" not in state:
        raise Failed("no servers run in " + args.dir)
    print(json.dumps(state["line"]))


def main():
    ap = argparse.ArgumentParser(prog="taxii-servers")
    sub = ap.add_subparsers(dest="verb", required=True)
    for verb in (start, stop, status):
        p = sub.add_parser(verb.__name__)
        p.set_defaults(run=verb)
        p.add_argument("dir", nargs="?", default=os.path.join(ROOT, ".cache", "taxii", "run"))
        if verb is start:
            p.add_argument("--page-size", type=int, default=2, help="content blocks or objects in one answer, default 2")
            p.add_argument("--count", action="store_true", help="TAXII 1: Record_Count in answers, and an exact more")
            p.add_argument("--any-password", action="store_true", help="TAXII 1: only the user name counts, as at OTX")
            p.add_argument("--fixtures", default=os.path.join(ROOT, "testdata", "taxii"), help="what is served, default testdata/taxii")
            p.add_argument("--until-eof", action="store_true", help="end with the standard input")
            p.add_argument("--user", default="0123456789abcdef" * 4)
            p.add_argument("--password", default="a password")
    args = ap.parse_args()
    run, args.dir = args.run, os.path.abspath(args.dir)
    del args.run
    if args.verb == "start":
        args.fixtures = os.path.abspath(args.fixtures)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("taxii-servers: ended"))
    try:
        with locked(args.dir):
            run(args)
    except Failed as e:
        sys.exit("taxii-servers: %s" % e)


if __name__ == "__main__":
    main()
