"""A Hugging Face Hub on 127.0.0.1, for the unmodified client, with faults on demand.

Two origins, as in the real one: the Hub itself (repositories, commits, tags, trees, small files)
and a store for large files, to which the Hub redirects and which must never see a token.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".safetensors", ".h5")


@dataclass
class Fault:
    """What goes wrong with requests that match `pattern` ("METHOD /path"), `times` times.

    `kind` is a status, or "corrupt" (one byte differs, same size), "truncate" (half a body, and
    its length says so), "drop" (half of what was promised, then the connection ends), "stall"
    (half, then silence), "no-range" (all of it, whatever was asked), or "wrong-commit".
    """

    pattern: str
    kind: int | str
    times: int = 1_000_000


@dataclass
class Commit:
    oid: str
    files: dict[str, bytes]


@dataclass
class Repository:
    private: bool
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit | None:
        if revision == "main":
            return self.commits[-1]
        oid = self.tags.get(revision, revision)
        return next((c for c in self.commits if c.oid == oid), None)

    def commit(self, files: dict[str, bytes], message: str) -> Commit:
        seed = json.dumps([message, len(self.commits), sorted(map(str, files.items()))])
        self.commits.append(Commit(hashlib.sha1(seed.encode()).hexdigest(), files))
        return self.commits[-1]


class LoopbackHub:
    """The server; use it as a context manager.

    Attributes:
        endpoint: for HF_ENDPOINT.
        store: the other origin's address.
        requests: "METHOD /path" of everything that was asked, at either origin.
        tokens: {token: namespaces that it may write to}; any of them may read private ones.
        faults: what goes wrong; the first that matches counts.
        mirror: {path: bytes}, served by the store as plain files.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.mirror: dict[str, bytes] = {}
        self.tokens = {"hf_writer": {"zoo"}, "hf_reader": set[str]()}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._servers = [self._server(_HubHandler), self._server(_StoreHandler)]
        self.endpoint, self.store = (f"http://127.0.0.1:{s.server_port}" for s in self._servers)

    def __enter__(self) -> LoopbackHub:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def count(self, pattern: str) -> int:
        """How many requests matched since the last `forget`."""
        return sum(bool(re.search(pattern, r)) for r in self.requests)

    def forget(self) -> None:
        self.requests.clear()
        self.faults.clear()

    def fault_for(self, request: str) -> int | str | None:
        with self._lock:
            self.requests.append(request)
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, request):
                    fault.times -= 1
                    return fault.kind
        return None

    def _server(self, handler: type[_Handler]) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (handler,), {"hub": self}))
        server.daemon_threads = True
        return server


class _Handler(BaseHTTPRequestHandler):
    hub: LoopbackHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing on the terminal."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def do_GET(self) -> None:
        self.url = urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.fault = self.hub.fault_for(f"{self.command} {unquote(self.url.path)}")
        if self.fault == "drop" and self.command != "GET":
            self.close_connection = True
        elif isinstance(self.fault, int):
            self.error(self.fault, "", "injected")
        else:
            self.answer(unquote(self.url.path))

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server looks for

    def answer(self, path: str) -> None:
        self.error(404, "", f"nothing at {path}")

    def send(self, status: int, data: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def json(self, value: Any, status: int = 200) -> None:
        self.send(status, json.dumps(value).encode(), Content_Type="application/json")

    def error(self, status: int, code: str, message: str) -> None:
        headers = {"X-Error-Code": code} if code else {}
        self.send(status, b"", **headers, **{"X-Error-Message": message})

    def file(self, data: bytes) -> None:
        """A body with Range, and with what can go wrong with one."""
        status, headers = 200, {"Accept_Ranges": "bytes"}
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if start and self.fault != "no-range":
            begin = int(start[1])
            if begin >= len(data):
                return self.send(416, Content_Range=f"bytes */{len(data)}")
            status, headers["Content_Range"] = 206, f"bytes {begin}-{len(data) - 1}/{len(data)}"
            data = data[begin:]
        if self.fault == "corrupt":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if self.fault == "truncate":
            data = data[: len(data) // 2]
        if self.fault not in ("drop", "stall"):
            return self.send(status, data, **headers)
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data[: len(data) // 2])
        self.wfile.flush()
        if self.fault == "stall":
            self.hub.released.wait(60)
        self.close_connection = True
        return None


class _StoreHandler(_Handler):
    """Large files by their sha256, and mirrors."""

    def answer(self, path: str) -> None:
        if "Authorization" in self.headers:
            return self.error(400, "", "a token was sent to the store")
        name = path.lstrip("/")
        if self.command == "PUT":
            if hashlib.sha256(self.body).hexdigest() != name:
                return self.error(400, "", "not the content that was announced")
            self.hub.objects[name] = self.body
            return self.send(200)
        data = self.hub.objects.get(name) or self.hub.mirror.get(name)
        return self.error(404, "EntryNotFound", "no such file") if data is None else self.file(data)


class _HubHandler(_Handler):
    def answer(self, path: str) -> None:
        if path == "/api/repos/create":
            return self.create()
        if path == "/api/validate-yaml":
            ok = json.loads(self.body)["content"].startswith("---\n")
            return self.json(
                {"errors": [] if ok else [{"message": "no front matter"}]}, 200 if ok else 400
            )
        for pattern, action in _ROUTES:
            if match := re.fullmatch(pattern, path):
                repository = self.hub.repositories.get(match["repo"])
                return self.visit(repository, match, action)
        return self.error(404, "", "no such address")

    def visit(
        self, repository: Repository | None, match: re.Match[str], action: Callable[..., None]
    ) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.tokens:
            return self.error(401, "", "Invalid credentials in Authorization header")
        if repository is None or (repository.private and not token):
            status = 404 if token else 401
            return self.error(status, "RepoNotFound", "Repository not found")
        namespace = match["repo"].partition("/")[0]
        if action in _WRITING and namespace not in self.hub.tokens.get(token, ()):
            return self.error(403, "", "you may not write here")
        revision = match.groupdict().get("rev")
        commit = repository.at(unquote(revision)) if revision else repository.commits[-1]
        if commit is None:
            return self.error(404, "RevisionNotFound", "Invalid rev id")
        return action(self, repository, commit, match)

    def create(self) -> None:
        wanted = json.loads(self.body)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        name = f"{wanted['organization']}/{wanted['name']}"
        if token not in self.hub.tokens:
            return self.error(401, "", "Invalid credentials in Authorization header")
        if wanted["organization"] not in self.hub.tokens[token]:
            return self.error(403, "", "you may not create repositories here")
        url = {"url": f"{self.hub.endpoint}/{name}"}
        if name in self.hub.repositories:
            return self.json(url, 409)
        repository = Repository(private=wanted.get("visibility") == "private")
        repository.commit({".gitattributes": b"*.h5 filter=lfs\n"}, "initial commit")
        self.hub.repositories[name] = repository
        return self.json(url)

    def info(self, repository: Repository, commit: Commit, match: re.Match[str]) -> None:
        self.json(
            {
                "id": match["repo"],
                "sha": commit.oid,
                "private": repository.private,
                "tags": [],
                "siblings": [{"rfilename": name} for name in commit.files],
            }
        )

    def tree(self, _: Repository, commit: Commit, __: re.Match[str]) -> None:
        self.json([_entry(name, data) for name, data in sorted(commit.files.items())])

    def paths(self, _: Repository, commit: Commit, __: re.Match[str]) -> None:
        asked = parse_qs(self.body.decode())["paths"]
        self.json([_entry(n, commit.files[n]) for n in asked if n in commit.files])

    def refs(self, repository: Repository, commit: Commit, _: re.Match[str]) -> None:
        tags = [
            {"name": name, "ref": f"refs/tags/{name}", "targetCommit": oid}
            for name, oid in repository.tags.items()
        ]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": commit.oid}
        self.json({"branches": [main], "converts": [], "tags": tags})

    def tag(self, repository: Repository, commit: Commit, _: re.Match[str]) -> None:
        name = json.loads(self.body)["tag"]
        if name in repository.tags:
            return self.error(409, "", "tag exists")
        repository.tags[name] = commit.oid
        return self.json({})

    def preupload(self, _: Repository, commit: Commit, __: re.Match[str]) -> None:
        files = []
        for asked in json.loads(self.body)["files"]:
            name = asked["path"]
            there = _entry(name, commit.files[name]) if name in commit.files else {}
            oid = there.get("lfs", there).get("oid")
            mode = "lfs" if name.endswith(LARGE) else "regular"
            files.append({"path": name, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.json({"files": files})

    def batch(self, _: Repository, __: Commit, match: re.Match[str]) -> None:
        objects = []
        for asked in json.loads(self.body)["objects"]:
            entry = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.hub.objects:
                verify = f"{self.hub.endpoint}/{match['repo']}.git/info/lfs/verify"
                upload = {"href": f"{self.hub.store}/{asked['oid']}"}
                entry["actions"] = {"upload": upload, "verify": {"href": verify}}
            objects.append(entry)
        self.json({"transfer": "basic", "objects": objects})

    def verify(self, _: Repository, __: Commit, ___: re.Match[str]) -> None:
        asked = json.loads(self.body)
        there = len(self.hub.objects.get(asked["oid"], b"")) == asked["size"]
        self.json({}, 200 if there else 404)

    def commit(self, repository: Repository, head: Commit, match: re.Match[str]) -> None:
        files, summary = dict(head.files), ""
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                summary = value["summary"]
                if value.get("parentCommit", head.oid) != head.oid:
                    return self.error(412, "", "A commit has happened since.")
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.objects[value["oid"]]
        made = repository.commit(files, summary)
        url = f"{self.hub.endpoint}/{match['repo']}"
        return self.json({"commitUrl": f"{url}/commit/{made.oid}", "commitOid": made.oid})

    def resolve(self, _: Repository, commit: Commit, match: re.Match[str]) -> None:
        oid = "0" * 40 if self.fault == "wrong-commit" else commit.oid
        data = commit.files.get(match["file"])
        if data is None:
            return self.error(404, "EntryNotFound", "Entry not found")
        if match["file"].endswith(LARGE):
            sha = hashlib.sha256(data).hexdigest()
            return self.send(
                302,
                Location=f"{self.hub.store}/{sha}",
                X_Repo_Commit=oid,
                X_Linked_Etag=f'"{sha}"',
                X_Linked_Size=str(len(data)),
            )
        cache = f"/api/resolve-cache/models/{match['repo']}/{commit.oid}/{match['file']}"
        return self.send(307, Location=cache, X_Repo_Commit=oid)

    def small(self, _: Repository, commit: Commit, match: re.Match[str]) -> None:
        data = commit.files[match["file"]]
        self.send(200, data, ETag=f'"{_git_hash(data)}"', X_Repo_Commit=commit.oid)


def _entry(name: str, data: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(data), "oid": _git_hash(data)}
    if name.endswith(LARGE):
        sha = hashlib.sha256(data).hexdigest()
        entry["lfs"] = {"oid": sha, "size": len(data), "pointerSize": 134}
    return entry


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


_API = r"/api/models/(?P<repo>[^/]+/[^/]+)"
_WRITING = (_HubHandler.preupload, _HubHandler.commit, _HubHandler.tag, _HubHandler.batch)
_ROUTES: tuple[tuple[str, Callable[..., None]], ...] = (
    (_API, _HubHandler.info),
    (_API + r"/revision/(?P<rev>[^/]+)", _HubHandler.info),
    (_API + r"/tree/(?P<rev>[^/]+)", _HubHandler.tree),
    (_API + r"/paths-info/(?P<rev>[^/]+)", _HubHandler.paths),
    (_API + r"/refs", _HubHandler.refs),
    (_API + r"/tag/(?P<rev>[^/]+)", _HubHandler.tag),
    (_API + r"/preupload/(?P<rev>[^/]+)", _HubHandler.preupload),
    (_API + r"/commit/(?P<rev>[^/]+)", _HubHandler.commit),
    (r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", _HubHandler.batch),
    (r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/verify", _HubHandler.verify),
    (r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<file>.+)", _HubHandler.resolve),
    (
        r"/api/resolve-cache/models/(?P<repo>[^/]+/[^/]+)/(?P<rev>[^/]+)/(?P<file>.+)",
        _HubHandler.small,
    ),
)
