//! The same into PostgreSQL, whose own texts quote whole rows.

use tokio_postgres::NoTls;

use crate::cage::text;
use crate::flock;
use crate::place::Place;
use crate::scenario::Step::{Below, Call};
use crate::scenario::{Scenario, scenario};

const RUN: &[&str] = &["run"];
const TILL: &str = "CREATE TABLE items (id bigint, name text, card text, amount bigint, ratio float8, note text)";

/// Books on a table that is made like this, in a database of their own.
fn books(sql: impl Fn() -> String + Send + Sync + 'static) -> impl Fn(&mut Place) + Send + Sync + 'static {
    move |place| {
        flock::csv(place);
        let url = etl_postgres_server::database();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            let talking = tokio::spawn(connection);
            client.batch_execute(&sql()).await.unwrap();
            drop(client);
            talking.await.unwrap().unwrap();
        });
        place.database = with_password(&url);
    }
}

/// The server trusts everybody on its socket, and passwords too.
fn with_password(url: &str) -> String {
    let (place, more) = url.split_once('?').expect("the socket is named in the URL");
    format!("{place}?password={}&{more}", text("password").replace('+', "%2B").replace('/', "%2F"))
}

fn refusing(name: &'static str, code: i32, sql: fn() -> String) -> Scenario {
    scenario(name, "books", books(sql), vec![Call(RUN, Some(code)), Call(&["dlq", "list", "--json"], Some(0))])
}

/// A connection string that is wrong.
fn connecting(name: &'static str, code: i32, url: fn() -> String) -> Scenario {
    let prepare = move |place: &mut Place| {
        flock::csv(place);
        place.database = url();
    };
    scenario(name, "books", prepare, vec![Call(&["check"], Some(78)), Call(RUN, Some(code))])
}

/// All scenarios with a server.
pub fn all() -> Vec<Scenario> {
    vec![
        scenario(
            "PostgreSQL: a success, and nothing new",
            "books",
            books(|| TILL.to_owned()),
            vec![Call(&["check"], Some(0)), Call(RUN, Some(0)), Call(RUN, Some(0))],
        ),
        refusing("PostgreSQL: UNIQUE", 0, || {
            format!("{TILL}; CREATE UNIQUE INDEX names ON items (name); INSERT INTO items (name) VALUES ('{}')", text("n13"))
        }),
        refusing("PostgreSQL: CHECK", 0, || format!("{TILL}; ALTER TABLE items ADD CONSTRAINT named CHECK (name <> '{}')", text("n13"))),
        refusing("PostgreSQL: NOT NULL", 0, || {
            format!(
                "{TILL}; ALTER TABLE items ALTER note SET NOT NULL; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 13 THEN NEW.note := NULL; END IF; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION f()"
            )
        }),
        refusing("PostgreSQL: FOREIGN KEY", 65, || {
            format!("CREATE TABLE names (name text PRIMARY KEY); {TILL}; ALTER TABLE items ADD FOREIGN KEY (name) REFERENCES names")
        }),
        refusing("PostgreSQL: a text that is too long", 65, || TILL.replace("note text", "note varchar(4)")),
        refusing("PostgreSQL: a number out of range", 65, || TILL.replace("amount bigint", "amount integer")),
        refusing("PostgreSQL: texts in a column of dates", 65, || TILL.replace("note text", "note date")),
        refusing("PostgreSQL: texts in a column of JSON", 65, || TILL.replace("note text", "note jsonb")),
        refusing("PostgreSQL: texts in a column of UUIDs", 65, || TILL.replace("note text", "note uuid")),
        refusing("PostgreSQL: a column of another type", 1, || TILL.replace("amount bigint", "amount inet")),
        refusing("PostgreSQL: a column is missing", 1, || TILL.replace(", note text", "")),
        refusing("PostgreSQL: a table is missing", 1, || "SELECT 1".to_owned()),
        refusing("PostgreSQL: a trigger that raises an exception", 1, || {
            format!(
                "{TILL}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 13 THEN RAISE EXCEPTION '% %', NEW.name, NEW USING HINT = NEW.card, DETAIL = NEW.note; END IF; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION f()"
            )
        }),
        refusing("PostgreSQL: a trigger that names a column like a value", 65, || {
            format!(
                "{TILL}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE SQLSTATE '23514' USING MESSAGE = NEW.name; END $$; CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION f()"
            )
        }),
        refusing("PostgreSQL: notices and warnings", 0, || {
            format!(
                "{TILL}; CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '%', NEW; RAISE WARNING '%', NEW.name; RETURN NEW; END $$; CREATE TRIGGER t BEFORE INSERT ON items FOR EACH ROW EXECUTE FUNCTION f()"
            )
        }),
        refusing("PostgreSQL: a deferred constraint", 1, || {
            format!(
                "CREATE TABLE names (name text PRIMARY KEY); {TILL}; ALTER TABLE items ADD FOREIGN KEY (name) REFERENCES names DEFERRABLE INITIALLY DEFERRED"
            )
        }),
        refusing("PostgreSQL: a table that may not be written", 1, || {
            format!(
                "{TILL}; CREATE RULE no AS ON INSERT TO items DO INSTEAD NOTHING; DROP TABLE items; CREATE VIEW items AS SELECT 1::bigint AS id, ''::text AS name, ''::text AS card, 1::bigint AS amount, 1::float8 AS ratio, ''::text AS note"
            )
        }),
        connecting("PostgreSQL: nobody answers", 75, || {
            format!("postgresql://ann:{}@localhost:1/sales", text("password").replace('/', "%2F"))
        }),
        connecting("PostgreSQL: a URL with a raw @ in the password", 78, || {
            format!("postgresql://ann:p@{}@localhost/sales", text("password").replace('/', ""))
        }),
        connecting("PostgreSQL: a URL that is none", 78, || format!("postgresql://ann:{}@:port/sales", text("password"))),
        connecting("PostgreSQL: pairs that are none", 78, || format!("host=localhost password=a {} user", text("password"))),
        connecting("PostgreSQL: an option that there is not", 78, || format!("host=localhost passwort={}", text("password"))),
        connecting("PostgreSQL: TLS is asked for", 78, || {
            format!("postgresql://ann:{}@localhost/sales?sslmode=require", text("password").replace('/', "%2F"))
        }),
        scenario(
            "PostgreSQL: no such user",
            "books",
            |place| {
                books(|| TILL.to_owned())(place);
                place.database.push_str("&user=nobody");
            },
            vec![Call(RUN, Some(78))],
        ),
        scenario(
            "PostgreSQL: no disk for the report",
            "books",
            books(|| TILL.to_owned()),
            vec![Below(&["sh", "-c", "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\""], RUN, Some(74))],
        ),
    ]
}
