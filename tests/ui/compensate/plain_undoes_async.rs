//! An async stage is undone by a plain function.
use etl_core::prelude::*;
use serde::Serialize;

#[derive(Record, Serialize, Deserialize)]
pub struct Order {
    number: i64,
}

#[derive(Record, Serialize, Deserialize)]
pub struct Booked {
    room: i64,
}

#[transform(compensate = cancel)]
pub async fn book(order: Order) -> Booked {
    Booked { room: order.number }
}

fn cancel(_order: &Order, _booked: Option<&Booked>) -> Result<()> {
    Ok(())
}

fn main() {}
