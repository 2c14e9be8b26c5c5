//! Programs that carry canaries: every field and every secret that passes them is recognisable, and
//! everything that can go wrong goes wrong next to one. What they tell the world is searched by the
//! test `canary`.

mod archive;
mod bookings;
mod books;
mod events;
mod letters;
mod notes;
mod orders;
mod record;
mod scraps;
mod settings;
mod tables;
mod trouble;

use archive::Archive;
use bookings::Bookings;
use books::Books;
use events::Events;
use letters::Letters;
use notes::Notes;
use orders::Orders;
use scraps::Scraps;
use tables::Tables;

etl_core::main!(Orders, Letters, Events, Notes, Tables, Archive, Bookings, Books, Scraps);
