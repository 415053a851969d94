//! The bytes of a response.

use std::time::{SystemTime, UNIX_EPOCH};

/// What a request is answered with.
pub enum Answer {
    /// Nothing: it held notifications alone.
    Nothing,
    /// A JSON body.
    Body(Vec<u8>),
    /// Of a call whose id is known: `"result":...` or `"error":...`.
    Member(Vec<u8>),
}

/// Writes responses; the date is made once a second.
#[derive(Default)]
pub struct Responses {
    second: u64,
    date: String,
}

impl Responses {
    /// Append a response to `output`; `id` is that of the call, in JSON.
    pub fn write(&mut self, output: &mut Vec<u8>, answer: &Answer, id: &str) {
        self.refresh();
        match answer {
            Answer::Nothing => {
                output.extend_from_slice(format!("HTTP/1.1 204 No Content\r\nDate: {}\r\n\r\n", self.date).as_bytes());
            }
            Answer::Body(body) => {
                self.write_head(output, body.len());
                output.extend_from_slice(body);
            }
            Answer::Member(member) => {
                let start = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},");
                self.write_head(output, start.len() + member.len() + 1);
                output.extend_from_slice(start.as_bytes());
                output.extend_from_slice(member);
                output.push(b'}');
            }
        }
    }

    fn write_head(&self, output: &mut Vec<u8>, length: usize) {
        let date = &self.date;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nDate: {date}\r\n\r\n"
        );
        output.extend_from_slice(head.as_bytes());
    }

    fn refresh(&mut self) {
        let now = SystemTime::now();
        let second = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if second != self.second || self.date.is_empty() {
            self.second = second;
            self.date = httpdate::fmt_http_date(now.max(UNIX_EPOCH));
        }
    }
}
