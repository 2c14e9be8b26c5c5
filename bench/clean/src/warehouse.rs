//! The PostgreSQL that the job loads into: a server that whoever measures has started.

use postgres::{Client, NoTls};

use crate::Result;

/// The variable that holds its address.
const ENV: &str = "ETL_TEST_POSTGRES";

/// A clean flight as a warehouse keeps it: a time is a time, and what is missing is NULL. The columns are the same for everybody.
const TABLE: &str = "
DROP TABLE IF EXISTS flights, _etl_lease, _etl_ledger, _etl_stage;
CREATE TABLE flights (
    year smallint NOT NULL, month smallint NOT NULL, day smallint NOT NULL, dep_time smallint, sched_dep_time smallint NOT NULL,
    dep_delay integer, arr_time smallint, sched_arr_time smallint NOT NULL, arr_delay integer, carrier text NOT NULL,
    flight integer NOT NULL, tailnum text, origin text NOT NULL, dest text NOT NULL, air_time integer, distance integer NOT NULL,
    hour smallint NOT NULL, minute smallint NOT NULL, time_hour timestamptz NOT NULL, route text NOT NULL, gained integer,
    speed_mph double precision
);";

/// Its address.
pub fn address() -> Result<String> {
    std::env::var(ENV).map_err(|_| format!("no {ENV}: the server's address, such as postgresql:///postgres?user=etl&host=/tmp/x").into())
}

/// A connection to it.
pub fn connect() -> Result<Client> {
    Ok(Client::connect(&address()?, NoTls)?)
}

/// A connection, with the table empty, and nothing of an earlier run left for the server to write.
pub fn empty() -> Result<Client> {
    let mut client = connect()?;
    client.batch_execute("SET client_min_messages = warning")?;
    client.batch_execute(TABLE)?;
    client.batch_execute("CHECKPOINT")?;
    Ok(client)
}
