"""The downloader against a local server that breaks off, lies and forgets."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from visual_relations.data_fetch import commands, download
from visual_relations.data_fetch.download import FetchError
from visual_relations.data_fetch.fetch import fetch
from visual_relations.data_fetch.sources import RemoteFile, Source, read_sources
from visual_relations.data_fetch.unpack import unpack

PAYLOAD = bytes(range(256)) * 4_000


class Server:
    """Serves `files`; `breaks` says after how many bytes each of the next answers breaks off."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.breaks: list[int] = []
        self.ranges = True
        self.asked: list[str | None] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._http.server_port}/{name}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        content = self.files.get(request.path.strip("/"))
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if content is None:
            request.send_error(404)
            return
        etag = f'"{hashlib.md5(content).hexdigest()}"'  # noqa: S324
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if request.headers.get("If-Range", etag) != etag:
            start = 0
        if start >= len(content) > 0:
            request.send_response(416)
            request.send_header("Content-Range", f"bytes */{len(content)}")
            request.end_headers()
            return
        request.send_response(206 if start else 200)
        request.send_header("ETag", etag)
        request.send_header("Content-Length", str(len(content) - start))
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        request.end_headers()
        stop = start + self.breaks.pop(0) if self.breaks else len(content)
        request.wfile.write(content[start:stop])


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def source(*files: RemoteFile) -> Source:
    return Source(about="a test", files=files)


def quiet(_: str) -> None:
    pass


def test_a_broken_transfer_goes_on_where_it_broke_off(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = PAYLOAD
    server.breaks = [2 * download.CHUNK + 10]
    file = RemoteFile(url=server.url("a.bin"), bytes=len(PAYLOAD), checksum=sha256(PAYLOAD))
    path = download.download(file, tmp_path)
    assert path.read_bytes() == PAYLOAD
    assert server.asked == [None, f"bytes={2 * download.CHUNK}-"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.bin"], "nothing partial is left"


def test_the_next_call_resumes_after_all_attempts_failed(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = PAYLOAD
    server.breaks = [download.CHUNK] * download.ATTEMPTS
    file = RemoteFile(url=server.url("a.bin"), bytes=len(PAYLOAD), checksum=sha256(PAYLOAD))
    with pytest.raises(FetchError, match=r"a\.bin.*goes on from there"):
        download.download(file, tmp_path)
    assert not (tmp_path / "a.bin").exists()
    assert download.download(file, tmp_path).read_bytes() == PAYLOAD
    assert server.asked[-1] == f"bytes={download.ATTEMPTS * download.CHUNK}-"


def test_a_server_that_cannot_resume_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = PAYLOAD
    server.breaks, server.ranges = [5_000], False
    file = RemoteFile(url=server.url("a.bin"), checksum=sha256(PAYLOAD))
    assert download.download(file, tmp_path).read_bytes() == PAYLOAD


def test_a_file_that_changed_meanwhile_is_not_mixed(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = PAYLOAD
    server.breaks = [download.CHUNK] * download.ATTEMPTS
    with pytest.raises(FetchError):
        download.download(RemoteFile(url=server.url("a.bin")), tmp_path)
    server.files["a.bin"] = PAYLOAD[::-1]
    assert download.download(RemoteFile(url=server.url("a.bin")), tmp_path).read_bytes() == PAYLOAD[::-1]


def test_a_complete_partial_file_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = PAYLOAD
    (tmp_path / "a.bin.part").write_bytes(PAYLOAD)
    assert download.download(RemoteFile(url=server.url("a.bin")), tmp_path).read_bytes() == PAYLOAD


def test_a_wrong_checksum_leaves_nothing_and_says_what_to_do(server: Server, tmp_path: Path) -> None:
    server.files["a.zip"] = zipped(x=b"1")
    file = RemoteFile(url=server.url("a.zip"), checksum=sha256(b"something else"))
    with pytest.raises(FetchError, match=r"a\.zip.*checksum.*try again"):
        fetch(source(file), tmp_path, quiet)
    assert list(tmp_path.iterdir()) == [], "neither the file nor anything unpacked"


def test_a_wrong_size_is_noticed_where_no_checksum_is_published(server: Server, tmp_path: Path) -> None:
    server.files["a.bin"] = PAYLOAD
    with pytest.raises(FetchError, match="Too many"):
        download.download(RemoteFile(url=server.url("a.bin"), bytes=len(PAYLOAD) - 1), tmp_path)
    with pytest.raises(FetchError, match="bytes have arrived"):
        download.download(RemoteFile(url=server.url("a.bin"), bytes=len(PAYLOAD) + 1), tmp_path)


def test_an_address_that_does_not_exist_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"missing\.bin.*404"):
        download.download(RemoteFile(url=server.url("missing.bin")), tmp_path)


def test_archives_are_unpacked_once_and_fetched_again_only_if_files_are_gone(server: Server, tmp_path: Path) -> None:
    content = zipped(**{"top/a.json": b"{}", "top/deep/b.json": b"[]", "__MACOSX/c": b""})
    server.files["a.zip"] = content
    wanted = source(RemoteFile(url=server.url("a.zip"), checksum=sha256(content), strip=1))
    files = fetch(wanted, tmp_path, quiet)
    assert files == [tmp_path / "a.json", tmp_path / "deep" / "b.json"]
    assert not (tmp_path / "a.zip").exists()
    assert fetch(wanted, tmp_path, quiet) == files
    assert len(server.asked) == 1
    files[0].unlink()
    fetch(wanted, tmp_path, quiet)
    assert files[0].exists()


def test_what_arrived_without_a_published_checksum_is_noted(server: Server, tmp_path: Path) -> None:
    server.files["a.txt"] = b"text"
    fetch(source(RemoteFile(url=server.url("a.txt"), to="deep")), tmp_path, quiet)
    entry = json.loads((tmp_path / ".fetched.json").read_text())[server.url("a.txt")]
    assert entry == {"checksum": sha256(b"text"), "files": ["deep/a.txt"]}


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt", "C:\\out.txt"])
def test_members_that_leave_the_folder_are_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    archive, folder = tmp_path / "a.zip", tmp_path / "folder"
    archive.write_bytes(zipped(**{"good.txt": b"", name: b"bad"}))
    with pytest.raises(FetchError, match=r"a\.zip.*outside"):
        unpack(archive, folder)
    assert not folder.exists()
    assert not (tmp_path / "out.txt").exists()


def test_tar_members_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        content.addfile(tarfile.TarInfo("../out.txt"))
    with pytest.raises(FetchError, match="outside"):
        unpack(archive, tmp_path / "folder")


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    as_tar, as_zip = tmp_path / "a.tar", tmp_path / "a.zip"
    with tarfile.open(as_tar, "w") as content:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        content.addfile(link)
    with zipfile.ZipFile(as_zip, "w") as content:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        content.writestr(info, "/etc")
    for archive in (as_tar, as_zip):
        with pytest.raises(FetchError, match="link"):
            unpack(archive, tmp_path / "folder")


def test_a_link_that_is_already_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "folder" / "sub").symlink_to(tmp_path / "elsewhere")
    archive = tmp_path / "a.zip"
    archive.write_bytes(zipped(**{"sub/x.txt": b"x"}))
    with pytest.raises(FetchError, match="link"):
        unpack(archive, tmp_path / "folder")


def test_damaged_archives_are_named(tmp_path: Path) -> None:
    broken, text = tmp_path / "a.zip", tmp_path / "b.zip"
    broken.write_bytes(zipped(x=PAYLOAD).replace(PAYLOAD[:100], b"\0" * 100))
    text.write_text("<html>not found</html>")
    for archive in (broken, text):
        with pytest.raises(FetchError, match=rf"{archive.name}.*fetch it again"):
            unpack(archive, tmp_path / "folder")


def test_tar_archives_are_unpacked(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.gz"
    with tarfile.open(archive, "w:gz") as content:
        member = tarfile.TarInfo("top/a.txt")
        member.size = 4
        content.addfile(member, io.BytesIO(b"text"))
    assert [path.read_text() for path in unpack(archive, tmp_path / "folder", strip=1)] == ["text"]


def test_the_command_fetches_and_reports_errors(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["a.txt"] = b"text"
    sources = {
        "good": Source(about="", files=(RemoteFile(url=server.url("a.txt")),), by_hand="write to the authors"),
        "bad": Source(about="", files=(RemoteFile(url=server.url("b.txt")),), folder="other"),
    }
    monkeypatch.setattr(commands, "read_sources", lambda: sources)
    run = CliRunner().invoke
    good = run(commands.data, ["fetch", "good", "--folder", str(tmp_path)])
    assert good.exit_code == 0
    assert "write to the authors" in good.output
    assert (tmp_path / "good" / "a.txt").read_text() == "text"
    bad = run(commands.data, ["fetch", "bad", "--folder", str(tmp_path)])
    assert bad.exit_code == 1
    assert "404" in bad.output
    unknown = run(commands.data, ["fetch", "gooood"])
    assert unknown.exit_code == 2
    assert "good" in unknown.output


def test_the_table_of_sources_is_well_formed() -> None:
    sources = read_sources()
    assert {"visual_genome", "vg150", "gqa", "vrd", "open_images", "coco_captions"} <= sources.keys()
    for entry in sources.values():
        assert entry.files or entry.by_hand
        names = [(file.to, file.name) for file in entry.files]
        assert len(set(names)) == len(names)


def test_the_list_names_every_source() -> None:
    listed = CliRunner().invoke(commands.data, ["list"]).output
    assert all(name in listed for name in read_sources())
