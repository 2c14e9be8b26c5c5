//! Panics in a stage are caught, classed and reported by their place in the code; their text may
//! quote a record, so it is never printed (I8).

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

use crate::contract::error::{Error, ErrorKind};

thread_local! {
    static IN_STAGE: Cell<bool> = const { Cell::new(false) };
    static PLACE: Cell<Option<(String, u32)>> = const { Cell::new(None) };
}

/// Makes the panic hook silent inside stages; elsewhere the hook that was there goes on working.
pub(crate) fn silence_stages() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if IN_STAGE.get() {
                PLACE.set(info.location().map(|place| (place.file().to_owned(), place.line())));
            } else {
                before(info);
            }
        }));
    });
}

/// Runs a stage's code.
///
/// # Errors
/// That it panicked, and where.
pub(crate) fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, Error> {
    let outer = IN_STAGE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(code));
    IN_STAGE.set(outer);
    result.map_err(|_text| panicked())
}

/// Runs a stage's async code.
///
/// # Errors
/// That it panicked, and where.
pub(crate) async fn guarded_async<F: Future>(code: F) -> Result<F::Output, Error> {
    let mut code = pin!(code);
    std::future::poll_fn(|cx| match guarded(|| code.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(error) => Poll::Ready(Err(error)),
    })
    .await
}

fn panicked() -> Error {
    let message = match PLACE.take() {
        Some((file, line)) => format!("panicked at {file}:{line}"),
        None => "panicked".to_owned(),
    };
    Error::new(ErrorKind::Panicked, message)
        .hint("a panic is a bug in the stage; its text is withheld, because it may quote a record: call the function in a unit test")
}
