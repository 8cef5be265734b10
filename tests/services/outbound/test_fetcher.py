"""The one way out: whom it asks, and how much it takes of an answer."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from services.outbound.addresses import is_allowed
from services.outbound.fetcher import (
    ANSWER_BYTES_MAX,
    LOOKUPS_MAX,
    Fetcher,
    OutboundError,
    OutboundRefused,
    OutboundTimeout,
    Resolve,
)
from tests.services.outbound.certificates import self_signed
from tests.services.outbound.receiver import Exchange, receiving

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
ODD_BYTES = b"x" * 65_536


def ask(url: str, fetcher: Fetcher | None = None) -> tuple[int, int, bool]:
    answer = (fetcher or Fetcher(LOOPBACK)).fetch("POST", url, headers={}, body=b"{}")
    return answer.status, len(answer.body), answer.is_whole


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "198.18.0.1", "192.0.2.1", "::1", "::", "fe80::1", "fd00::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:8.8.8.8", "::10.0.0.1", "64:ff9b::a00:1", "64:ff9b:1::a00:1", "2002:a00:1::1", "2001:0:1::1",
        "2001:db8::1", "fec0::1",
    ],
)  # fmt: skip
def test_no_address_within(address: str) -> None:
    """Nothing that lies in a network of the operator's, in whatever form it is written, unless it is listed; nor does
    whoever adds a target learn where a name leads."""
    read = ipaddress.ip_address(address)
    assert not is_allowed(read, ())
    assert is_allowed(read, (ipaddress.ip_network(address),))
    with pytest.raises(OutboundRefused, match=r"^hooks\.example\.com is refused: .* MUNIMENT_OUTBOUND_ALLOW"):
        ask("https://hooks.example.com/", Fetcher(resolve=lambda _host, _port: [address]))


@pytest.mark.parametrize("address", ["8.8.8.8", "100.63.255.255", "172.32.0.1", "2606:4700::1111"])
def test_the_internet(address: str) -> None:
    assert is_allowed(ipaddress.ip_address(address), ())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/", "https://", "https://user:word@example.com/", "https://user@example.com/", "file:///etc",
        "https://example.com:0/", "https://example.com:99999/", "https://exa mple.com/", "https://example.com/\r\nX: y",
        "https://[::1/", "//example.com/",
    ],
)  # fmt: skip
def test_what_is_no_url_of_ours(url: str) -> None:
    with pytest.raises(OutboundRefused, match="https URL"):
        ask(url, Fetcher(resolve=lambda _host, _port: pytest.fail("looked up")))


def test_http_to_loopback_alone() -> None:
    """Not to others, be they listed; and not to loopback either where it is not listed."""
    everything = (ipaddress.ip_network("0.0.0.0/0"),)
    with receiving() as receiver:
        assert ask(receiver.url) == (204, 0, True)
        with pytest.raises(OutboundRefused):
            ask(receiver.url, Fetcher())
        with pytest.raises(OutboundRefused):
            ask("http://example.com/", Fetcher(everything, resolve=lambda _host, _port: ["8.8.8.8"]))
        assert len(receiver.received) == 1


def test_one_lookup_and_its_address_is_what_is_asked() -> None:
    """A name whose second answer is another address reaches nothing by it; the receiver sees the name and the path."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with receiving() as receiver:
        ask(f"http://hooks.test:{receiver.port}/a/b?c=d", Fetcher(LOOPBACK, resolve=lambda _h, _p: next(answers)))
    (got,) = receiver.received
    assert (got.path, got.headers["host"]) == ("/a/b?c=d", f"hooks.test:{receiver.port}")
    assert next(answers) == ["10.0.0.1"]


def test_another_address_of_the_name_where_one_is_closed(unused: int) -> None:
    """Those that are not allowed are left out, and of the others one after the other is tried."""
    addresses = ["169.254.169.254", "127.0.0.2", "127.0.0.1"]
    with receiving() as receiver:
        fetcher = Fetcher(LOOPBACK, resolve=lambda _host, _port: addresses)
        assert ask(f"http://hooks.test:{receiver.port}/", fetcher) == (204, 0, True)
        with pytest.raises(OutboundError, match="ConnectionRefused"):
            ask(f"http://hooks.test:{unused}/", fetcher)


@pytest.fixture
def unused() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def test_no_redirect_and_no_proxy(monkeypatch: pytest.MonkeyPatch, unused: int) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused}")
    with receiving() as other, receiving(lambda got: got.status(307, Location=other.url)) as receiver:
        assert ask(receiver.url)[0] == 307
        assert not other.received


def ten_gigabytes(exchange: Exchange) -> None:
    exchange.status(200, Content_Length=str(10 * 2**30))
    for _ in range(10 * 2**30 // len(ODD_BYTES)):
        exchange.write(ODD_BYTES)


def chunks_for_ever(exchange: Exchange) -> None:
    exchange.handler.send_response(200)
    exchange.handler.send_header("Transfer-Encoding", "chunked")
    exchange.handler.end_headers()
    while True:
        exchange.write(b"10000\r\n" + ODD_BYTES + b"\r\n")


def no_http(exchange: Exchange) -> None:
    exchange.write(b"220 mail.example.com ESMTP\r\n")


def long_line(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n")


def many_lines(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1_000 + b"\r\n")


@pytest.mark.parametrize("answer", [no_http, long_line, many_lines])
def test_what_is_no_answer(answer: object) -> None:
    with receiving(answer) as receiver, pytest.raises(OutboundError, match="cannot be asked"):  # type: ignore[arg-type]
        ask(receiver.url)


@pytest.mark.parametrize("answer", [ten_gigabytes, chunks_for_ever])
def test_a_large_answer_is_cut(answer: object) -> None:
    """Its beginning is read, and nothing beyond."""
    with receiving(answer) as receiver:  # type: ignore[arg-type]
        assert ask(receiver.url) == (200, ANSWER_BYTES_MAX, False)


def slow_body(exchange: Exchange) -> None:
    exchange.status(200, Content_Length="1000000000")
    while not exchange.stopped.wait(0.01):
        exchange.write(b"x")


def slow_head(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not exchange.stopped.wait(0.01):
        exchange.write(b"x")


def continued_for_ever(exchange: Exchange) -> None:
    while True:
        exchange.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def body_to_the_end_of_the_connection(exchange: Exchange) -> None:
    exchange.write(b"HTTP/1.0 200 OK\r\n\r\n")
    while not exchange.stopped.wait(0.01):
        exchange.write(b"x")


@pytest.mark.parametrize(
    "answer", [Exchange.hang, slow_body, slow_head, continued_for_ever, body_to_the_end_of_the_connection]
)
def test_an_answer_that_takes_its_time(answer: object) -> None:
    """Each read brings something, or nothing ever comes: when the time is over, it is over."""
    with receiving(answer) as receiver, pytest.raises(OutboundTimeout):  # type: ignore[arg-type]
        ask(receiver.url, Fetcher(LOOPBACK, total_seconds=0.3))


def test_a_name_that_is_looked_for_too_long() -> None:
    """The request ends without it; and so many such lookups are under way at most."""
    done = threading.Event()

    def hang(_host: str, _port: int) -> Sequence[str]:
        done.wait()
        raise OSError

    fetcher = Fetcher(LOOPBACK, resolve=hang, total_seconds=0.02)
    try:
        for _ in range(LOOKUPS_MAX):
            with pytest.raises(OutboundTimeout):
                ask("https://hooks.test/", fetcher)
        with pytest.raises(OutboundError, match=f"{LOOKUPS_MAX} names"):
            ask("https://hooks.test/", fetcher)
    finally:
        done.set()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path / "certificate.pem", "hooks.test")


@pytest.fixture
def tls_port(certificate: Path) -> Iterator[tuple[int, list[str | None]]]:
    """A port behind which TLS is spoken, and the names that its clients asked for."""
    names: list[str | None] = []
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _sock, name, _context: names.append(name)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    plain, _ = listener.accept()
                except OSError:
                    return
                try:
                    with context.wrap_socket(plain, server_side=True) as tls:
                        got = b""
                        while not got.endswith(b"{}"):
                            got += tls.recv(65_536)
                        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                except OSError:
                    plain.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], names
        listener.shutdown(socket.SHUT_RDWR)


def test_the_certificate_is_of_the_name(certificate: Path, tls_port: tuple[int, list[str | None]]) -> None:
    """Whatever the address: the name in the URL is asked for and compared, and who signed it has to be trusted."""
    port, names = tls_port
    resolve: Resolve = lambda _host, _port: ["127.0.0.1"]  # noqa: E731
    trusting = Fetcher(LOOPBACK, resolve=resolve, tls=ssl.create_default_context(cafile=str(certificate)))
    assert ask(f"https://hooks.test:{port}/", trusting) == (200, 2, True)
    with pytest.raises(OutboundError, match=r"certificate of other\.test"):
        ask(f"https://other.test:{port}/", trusting)
    with pytest.raises(OutboundError, match=r"certificate of hooks\.test"):
        ask(f"https://hooks.test:{port}/", Fetcher(LOOPBACK, resolve=resolve))
    assert names == ["hooks.test", "other.test", "hooks.test"]
