//! A future that cannot move between threads.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
async fn same(raw: Raw) -> Raw {
    let shared = std::rc::Rc::new(1);
    std::future::ready(()).await;
    drop(shared);
    raw
}

fn main() {}
