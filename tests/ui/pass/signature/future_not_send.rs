//! A future that can move between threads.
use etl_core::prelude::*;

#[derive(Record)]
struct Raw {
    number: i64,
}

#[transform]
async fn same(raw: Raw) -> Raw {
    let shared = std::sync::Arc::new(1);
    std::future::ready(()).await;
    drop(shared);
    raw
}

fn main() {}
