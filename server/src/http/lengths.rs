//! Finds a `Content-Length` that the HTTP library hides: of a request with `Transfer-Encoding` it drops the length, as RFC 9112 allows,
//! without telling us. A proxy in front may go by the length, and see two requests where there is one; so such a request is refused
//! (BR-16).
//!
//! The lines that begin with `Content-Length:` are counted as they arrive, and those that the library shows. Where more arrived than were
//! shown, one was hidden. A body can hold such a line as well; then a later request in chunks is refused that need not be, which costs
//! nothing but that request.

use axum::http::{Request, header};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const HEADER_START: &[u8] = b"content-length:";

/// Marks a request in chunks that came with a length as well.
#[derive(Clone, Copy, Debug)]
pub(super) struct HiddenLength;

/// What arrived and what was shown of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths {
    arrived: Arc<AtomicUsize>,
    shown: Arc<AtomicUsize>,
}

impl Lengths {
    /// Looks at a request that the library shows, and marks it if a length was hidden.
    pub(super) fn look_at<B>(&self, request: &mut Request<B>) {
        let headers = request.headers();
        let shown = self.shown.fetch_add(headers.get_all(header::CONTENT_LENGTH).iter().count(), Ordering::Relaxed);
        if headers.contains_key(header::TRANSFER_ENCODING) && self.arrived.load(Ordering::Relaxed) > shown {
            request.extensions_mut().insert(HiddenLength);
        }
    }
}

/// A connection whose lengths are counted.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    lengths: Lengths,
    /// How much of [`HEADER_START`] the present line has matched; `None` once it is another line.
    matched: Option<usize>,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, lengths: Lengths) -> Self {
        Self { stream, lengths, matched: Some(0) }
    }

    fn count(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.matched = match self.matched {
                _ if *byte == b'\n' => Some(0),
                Some(matched) if HEADER_START.get(matched).is_some_and(|wanted| wanted.eq_ignore_ascii_case(byte)) => {
                    Some(matched + 1)
                }
                Some(_) | None => None,
            };
            if self.matched == Some(HEADER_START.len()) {
                self.lengths.arrived.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        self.count(into.filled().get(before..).unwrap_or_default());
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn br_16_lines_are_counted_however_they_are_cut_and_written() {
        let lengths = Lengths::default();
        let mut counted = Counted::new(tokio::io::empty(), lengths.clone());
        for part in [
            "POST / HTTP/1.1\r\nHost: x\r\nconTent-le",
            "nGth: 7\r\nX-Content-Length: 1\r\nA: Content-Length: 2\r\n\r\n",
        ] {
            counted.count(part.as_bytes());
        }
        assert_eq!(lengths.arrived.load(Ordering::Relaxed), 1);
    }
}
