//! Which heads are simple: HTTP/1.1 POST of `/`, headers that say nothing of how to read the body but its length and
//! that it is JSON, each at most once, and a connection that stays open.

use httparse::{EMPTY_HEADER, Request, Status};

/// The longest head that is looked at.
pub const MAX_HEAD_BYTES: usize = 4096;

const MAX_HEADERS: usize = 16;

/// JSON, as geth accepts it.
const CONTENT_TYPES: [&str; 3] = ["application/json", "application/json-rpc", "application/jsonrpc"];

const HARMLESS: [&str; 5] = ["accept", "accept-encoding", "accept-language", "user-agent", "cache-control"];

/// The longest length of a body, in digits.
const MAX_LENGTH_DIGITS: usize = 11;

/// What the bytes of a request begin with.
#[derive(Debug, PartialEq, Eq)]
pub enum Head {
    /// More is needed to tell.
    Unfinished,
    /// A simple one, of so many bytes, before a body of so many bytes.
    Simple { bytes: usize, body_bytes: usize },
    /// Anything else.
    Other,
}

/// Look at what came.
pub fn read(input: &[u8]) -> Head {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(input) {
        Ok(Status::Complete(bytes)) if bytes <= MAX_HEAD_BYTES && has_whole_line_ends(&input[..bytes]) => {
            body_bytes(&request).map_or(Head::Other, |body_bytes| Head::Simple { bytes, body_bytes })
        }
        Ok(Status::Partial) if input.len() < MAX_HEAD_BYTES => Head::Unfinished,
        _ => Head::Other,
    }
}

/// Whether no line ends by a line feed alone, which the parser takes and others do not.
fn has_whole_line_ends(head: &[u8]) -> bool {
    (0..head.len()).all(|index| head[index] != b'\n' || (index > 0 && head[index - 1] == b'\r'))
}

/// The length of the body that a simple head announces.
fn body_bytes(request: &Request<'_, '_>) -> Option<usize> {
    if request.method != Some("POST") || request.path != Some("/") || request.version != Some(1) {
        return None;
    }
    let (mut length, mut kind, mut host, mut connection) = (None, None, None, None);
    let mut harmless = [None; HARMLESS.len()];
    for header in request.headers.iter() {
        let place = match header.name.to_ascii_lowercase().as_str() {
            "content-length" => &mut length,
            "content-type" => &mut kind,
            "host" => &mut host,
            "connection" => &mut connection,
            other => &mut harmless[HARMLESS.iter().position(|name| *name == other)?],
        };
        if place.replace(header.value).is_some() {
            return None;
        }
    }
    host?;
    if connection.is_some_and(|value| !value.eq_ignore_ascii_case(b"keep-alive")) {
        return None;
    }
    if !CONTENT_TYPES.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(kind.unwrap_or_default())) {
        return None;
    }
    let digits = length.filter(|digits| digits.len() <= MAX_LENGTH_DIGITS && digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
