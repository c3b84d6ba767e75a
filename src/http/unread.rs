//! Bodies that a handler leaves unread: too large, too slow, of the wrong media type, or sent to the wrong place.
//!
//! The framework closes the connection behind an answer that came before the end of the body, but not when the body is
//! chunked and nobody holds it any more: then it reads on for as long as chunks arrive, past every limit of ours. So
//! the answer holds the body until it has been sent.

use std::cell::RefCell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Context;
use std::task::Poll;

use actix_web::HttpMessage;
use actix_web::body::BodySize;
use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::dev::Payload;
use actix_web::dev::ServiceRequest;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;

/// A request's body, shared between its handler and the answer. Nothing for a request without one.
pub struct Unread(Option<Rc<RefCell<Payload>>>);

impl Unread {
    /// Lets the handler read the body, and keeps hold of it.
    pub fn watch(request: &mut ServiceRequest) -> Self {
        let payload = request.take_payload();
        if matches!(payload, Payload::None) {
            return Self(None);
        }
        let shared = Rc::new(RefCell::new(payload));
        request.set_payload(Payload::Stream { payload: Box::pin(Shared(Rc::clone(&shared))) });
        Self(Some(shared))
    }

    /// An answer that holds the body for as long as it lives itself.
    #[must_use]
    pub fn hold(self, answer: BoxBody) -> BoxBody {
        match self.0 {
            Some(body) => BoxBody::new(Held { answer, _body: body }),
            None => answer,
        }
    }
}

impl fmt::Debug for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Unread(body)" } else { "Unread(none)" })
    }
}

struct Shared(Rc<RefCell<Payload>>);

impl Stream for Shared {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

struct Held {
    answer: BoxBody,
    _body: Rc<RefCell<Payload>>,
}

impl MessageBody for Held {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
