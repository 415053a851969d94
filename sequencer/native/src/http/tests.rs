//! What is simple, and what is given away; what a connection holds.

use std::io::Read;
use std::net::{TcpListener, TcpStream};

use super::call::{self, Call};
use super::connection::{Connection, Peer};
use super::head::{self, Head};

const USUAL: [&str; 3] = ["host: node", "content-type: application/json", "content-length: 5"];

/// A head of the usual lines, without those whose names `lines` has, and `lines`.
fn head_of(lines: &[&str]) -> String {
    let name = |line: &str| line.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let named: Vec<_> = lines.iter().map(|line| name(line)).collect();
    let kept = USUAL.iter().filter(|line| !named.contains(&name(line)));
    let all: Vec<_> = ["POST / HTTP/1.1"].iter().chain(kept).chain(lines).copied().collect();
    all.join("\r\n") + "\r\n\r\n"
}

fn is_simple(head: &str) -> bool {
    head::read(head.as_bytes()) == Head::Simple { bytes: head.len(), body_bytes: 5 }
}

#[test]
fn simple_heads_say_how_long_the_body_is() {
    for lines in [
        &[][..],
        &["CONTENT-LENGTH:5", "hOsT:  node \t"],
        &["Content-Type: application/json-rpc"],
        &["Accept: */*", "Accept-Encoding: gzip", "User-Agent: x", "Connection: Keep-Alive"],
    ] {
        assert!(is_simple(&head_of(lines)), "{lines:?}");
    }
}

#[test]
fn heads_that_say_anything_else_are_given_away() {
    for lines in [
        &["content-length: 5x"][..],
        &["content-length: -5"],
        &["content-length: +5"],
        &["content-length:"],
        &["content-length: 999999999999"],
        &["content-length: 5", "Content-Length: 5"],
        &["Transfer-Encoding: chunked"],
        &["Content-Encoding: gzip"],
        &["Expect: 100-continue"],
        &["Connection: close"],
        &["Connection: Upgrade", "Upgrade: websocket"],
        &["Origin: https://page.example"],
        &["Content-Type: text/plain"],
        &["Content-Type: application/json; charset=utf-8"],
        &["Accept"],
        &["Accept: a", " b"],
        &["Accept: a\nUser-Agent: b"],
        &["Content-Length : 5"],
        &["Accept: \0"],
    ] {
        assert_eq!(head::read(head_of(lines).as_bytes()), Head::Other, "{lines:?}");
    }
}

#[test]
fn requests_of_another_kind_are_given_away() {
    let usual = head_of(&[]);
    for (old, new) in [
        ("HTTP/1.1", "HTTP/1.0"),
        ("POST", "GET"),
        (" / ", " /x "),
        ("host: node\r\n", ""),
        ("content-length: 5\r\n", ""),
        ("content-type: application/json\r\n", ""),
        ("\r\n", "\n"),
        ("POST / HTTP/1.1", "\u{16}\u{3}\u{1}"),
    ] {
        assert_eq!(head::read(usual.replace(old, new).as_bytes()), Head::Other, "{old:?}");
    }
}

#[test]
fn cut_head_is_unfinished_until_it_is_too_long() {
    let usual = head_of(&[]);
    for end in 1..usual.len() {
        assert_eq!(head::read(&usual.as_bytes()[..end]), Head::Unfinished, "{end}");
    }
    let long = format!("POST / HTTP/1.1\r\nUser-Agent: {}", "x".repeat(head::MAX_HEAD_BYTES));
    assert_eq!(head::read(long.as_bytes()), Head::Other);
    assert_eq!(head::read(format!("{long}\r\n\r\n").as_bytes()), Head::Other);
}

fn body(id: &str, parameters: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"eth_sendRawTransaction","params":{parameters}}}"#)
}

#[test]
fn usual_calls_are_read() {
    for (id, parameters, raw) in [
        ("1", r#"["0x0102"]"#, vec![1, 2]),
        ("18446744073709551615", r#" [ "0xAb" ] "#, vec![0xab]),
        (r#""a-b ü""#, r#"["0x00"]"#, vec![0]),
        (r#""""#, r#"["0x00"]"#, vec![0]),
    ] {
        assert_eq!(call::read(body(id, parameters).as_bytes(), 2), Some(Call { id: id.into(), raw }), "{id}");
    }
    let other_order = r#"{"method":"eth_sendRawTransaction","params":["0x01"],"id":7,"jsonrpc":"2.0"}"#;
    assert!(call::read(other_order.as_bytes(), 2).is_some());
}

#[test]
fn every_other_form_is_for_python_to_read() {
    let usual = body("1", r#"["0x01"]"#);
    for other in [
        usual.replace("\"id\":1,", ""),
        usual.replace("\"2.0\"", "\"1.0\""),
        usual.replace("eth_sendRawTransaction", "eth_sendRawTransactionSync"),
        usual.replace("\"id\":1,", "\"id\":1,\"id\":1,"),
        usual.replace("\"id\":1,", "\"id\":1,\"more\":1,"),
        format!("[{usual}]"),
        format!("{usual} 1"),
        r#"["2.0",1,"eth_sendRawTransaction",["0x01"]]"#.into(),
        body("null", r#"["0x01"]"#),
        body("1.5", r#"["0x01"]"#),
        body("-1", r#"["0x01"]"#),
        body("18446744073709551616", r#"["0x01"]"#),
        body("true", r#"["0x01"]"#),
        body(r#""\n""#, r#"["0x01"]"#),
        body(&format!("\"{}\"", "x".repeat(257)), r#"["0x01"]"#),
        body("1", "[]"),
        body("1", "null"),
        body("1", r#"["0x01","0x01"]"#),
        body("1", "[1]"),
        body("1", r#"["01"]"#),
        body("1", r#"["0x"]"#),
        body("1", r#"["0x1"]"#),
        body("1", r#"["0x0x01"]"#),
        body("1", r#"["0x0g"]"#),
        body("1", r#"["0x010203"]"#),
    ] {
        assert_eq!(call::read(other.as_bytes(), 2), None, "{other}");
    }
    assert_eq!(call::read(b"\xff", 2), None);
    assert_eq!(call::read(usual.as_bytes(), 0), None);
}

/// A connection and its other end.
fn connect() -> (Connection, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_nonblocking(true).unwrap();
    (Connection::new(mio::net::TcpStream::from_std(stream)), other)
}

#[test]
fn large_answer_is_written_as_it_is_read_and_its_room_given_back() {
    let (mut connection, mut other) = connect();
    connection.output = vec![7; 32 << 20];
    let mut left = connection.output.len();
    let mut piece = vec![0; 1 << 20];
    while left > 0 {
        let before = connection.used_at;
        assert!(connection.flush() == Peer::Here);
        let is_used = connection.used_at > before;
        let read = other.read(&mut piece).unwrap();
        assert!(read > 0 && (is_used || left < 32 << 20));
        left -= read;
    }
    assert!(connection.flush() == Peer::Here);
    assert!(connection.output.is_empty() && connection.output.capacity() <= 16 << 10);
}
