//! A stage that compensates takes a batch.
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
pub fn book(orders: Vec<Order>) -> Batch<Booked> {
    orders.into_iter().map(|order| Booked { room: order.number }).collect()
}

fn cancel(_order: &Order, _booked: Option<&Booked>) -> Result<()> {
    Ok(())
}

fn main() {}
