//! Sources in which every field is a canary.

use std::fmt::Write as _;

use rusqlite::Connection;

use crate::cage::{number, text};
use crate::place::Place;

/// How many records a source has.
pub const RECORDS: u64 = 40;

const HEADER: &str = "id,name,card,amount,ratio,note,tag\n";

/// A line of CSV.
pub fn line(id: u64) -> String {
    let field = |kind: char| text(format_args!("{kind}{id}"));
    format!("{id},{},{},{},{}.5,{},{}\n", field('n'), field('c'), number(id), number(id), field('o'), field('t'))
}

pub fn csv(place: &Place) {
    place.write("source/input", lines());
}

/// A file of good lines.
pub fn lines() -> String {
    (0..RECORDS).fold(HEADER.to_owned(), |lines, id| lines + &line(id))
}

/// A good file and lines that are none, in every way.
pub fn csv_with_rubbish(place: &Place) {
    let mut file = lines().into_bytes();
    let bad = |kind: &str| text(kind);
    for wrong in [
        format!("{},{},{},1,1,,\n", bad("id"), bad("a"), bad("b")),
        format!("50,{},{},{},1,,\n", bad("a"), bad("b"), bad("amount")),
        format!("51,{},{},1,{},,\n", bad("a"), bad("b"), bad("ratio")),
        format!("52,{},{},{}000000000000,1,,x\n", bad("a"), bad("b"), number(52)),
        format!("53,{},{},1,1,,{}!\n", bad("a"), bad("b"), bad("tag")),
        format!("54,{},{}\n", bad("few"), bad("fields")),
        format!("55,{},{},1,1,,x,{},{}\n", bad("a"), bad("b"), bad("more"), bad("fields")),
        format!("56,\"{}\"{},{},1,1,,x\n", bad("quoted"), bad("behind"), bad("b")),
        format!("57,{},{},1,1,{},x\n", bad("a"), bad("b"), bad("long").repeat(500)),
        format!("58,{}\0,{},1,1,,x\n", bad("nul"), bad("b")),
        format!("59,?,{},{},1,\u{e4}{},x\n", bad("b"), number(59) * 10, bad("rule")),
        format!("60,{}?,{},1,1,{}\u{e4},x\n", bad("custom"), bad("b"), bad("ascii")),
    ] {
        file.extend(wrong.into_bytes());
    }
    for (id, at) in [(61, "name"), (62, "note"), (63, "tag")] {
        let torn = [bad(at).as_bytes(), b"\xFF\xFE"].concat();
        let or = |name: &str, other: &str| if name == at { torn.clone() } else { other.as_bytes().to_vec() };
        file.extend(
            [
                format!("{id},").as_bytes(),
                &or("name", "x"),
                b",",
                bad("b").as_bytes(),
                b",1,1,",
                &or("note", ""),
                b",",
                &or("tag", "x"),
                b"\n",
            ]
            .concat(),
        );
    }
    // The quote is never closed.
    file.extend(format!("64,\"{},{},1,1,,x\n", bad("open"), bad("b")).into_bytes());
    place.write("source/input", file);
}

/// The first line is a record.
pub fn csv_without_header(place: &Place) {
    place.write("source/input", (0..RECORDS).map(line).collect::<String>());
}

/// The first line is a record with the same in two fields.
pub fn csv_without_header_twice_the_same(place: &Place) {
    place.write("source/input", format!("1,{0},{0},1,1,{0},x\n{1}", text("twice"), line(1)));
}

/// The first line is a record, and a later one is not UTF-8.
pub fn csv_without_header_torn(place: &Place) {
    let torn = [b"1,", text("torn").as_bytes(), b"\xFF,x,1,1,x,x\n"].concat();
    place.write("source/input", [line(0).as_bytes(), &torn, line(2).as_bytes()].concat());
}

/// The header lacks a column.
pub fn csv_without_a_column(place: &Place) {
    place.write("source/input", lines().replacen("card,", "karte,", 1));
}

/// The first line is a record that is not UTF-8.
pub fn csv_with_a_torn_header(place: &Place) {
    place.write("source/input", [text("head").as_bytes(), b"\xFF,", line(1).as_bytes()].concat());
}

pub fn jsonl(place: &Place) {
    place.write("source/input", objects());
}

fn object(id: u64) -> String {
    let field = |kind: char| text(format_args!("{kind}{id}"));
    serde_json::json!({
        "id": id, "name": field('n'), "card": field('c'), "amount": number(id), "ratio": number(id) as f64 + 0.5, "note": field('o'),
        "tag": field('t'),
    })
    .to_string()
}

fn objects() -> String {
    (0..RECORDS).fold(String::new(), |lines, id| lines + &object(id) + "\n")
}

/// Good objects, and lines that are none, in every way.
pub fn jsonl_with_rubbish(place: &Place) {
    let mut file = objects();
    let whole = object(50);
    let bad = |kind: &str| text(kind);
    for (from, to) in [
        ("\"id\":50", format!("\"id\":\"{}\"", bad("id"))),
        ("\"id\":50", format!("\"id\":{{\"{}\":\"{}\"}}", bad("key"), bad("inside"))),
        ("\"id\":50", format!("\"id\":-{}", number(50))),
        ("\"id\":50", format!("\"id\":{}e300", number(50))),
        ("\"id\":50", format!("\"id\":{}.25", number(50))),
        ("\"id\":50", format!("\"id\":50,\"{}\":\"{}\"", bad("unknown"), bad("value"))),
        ("\"id\":50", format!("\"{}\":50", bad("instead"))),
        ("\"id\":50", format!("\"id\":50,\"id\":\"{}\"", bad("again"))),
        ("\"id\":50", "\"id\":true".to_owned()),
        ("\"id\":50", format!("\"id\":{}", bad("bare"))),
        ("\"tag\":\"", format!("\"tag\":\"!{}", bad("tag"))),
        ("\"tag\":\"", format!("\"tag\":\"\\q{}", bad("escape"))),
        ("\"tag\":\"", format!("\"tag\":\"\\ud800{}", bad("half"))),
        ("\"tag\":\"", format!("\"tag\":[\"{}\"],\"x\":\"", bad("list"))),
    ] {
        writeln!(file, "{}", whole.replacen(from, &to, 1)).unwrap();
    }
    for line in [
        format!("\"{}\"", bad("text")),
        format!("[\"{}\"]", bad("array")),
        bad("word"),
        number(51).to_string(),
        whole[..whole.len() - 9].to_owned(),
        format!("{whole}{}", bad("behind")),
        format!("{}\"{}\"", "[".repeat(200), bad("deep")),
    ] {
        writeln!(file, "{line}").unwrap();
    }
    let torn = [b"{\"id\":1,\"name\":\"", bad("torn").as_bytes(), b"\xFF\"}\n"].concat();
    place.write("source/input", [file.as_bytes(), &torn].concat());
}

/// A table of orders, of which some rows do not fit.
pub fn table_with_rubbish(place: &Place) {
    let table = Connection::open(place.input()).unwrap();
    table.execute_batch("BEGIN; CREATE TABLE orders (id, name, card, amount, ratio, note, tag)").unwrap();
    for id in 0..RECORDS {
        let field = |kind: char| text(format_args!("{kind}{id}"));
        let row = (id as i64, field('n'), field('c'), number(id) as i64, number(id) as f64 + 0.5, field('o'), field('t'));
        table.execute("INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)", row).unwrap();
    }
    for (column, value) in [("id", text("id")), ("amount", text("amount")), ("ratio", text("ratio")), ("tag", text("tag!"))] {
        table.execute("INSERT INTO orders SELECT * FROM orders WHERE id = 3", []).unwrap();
        table.execute(&format!("UPDATE orders SET {column} = ? WHERE rowid = last_insert_rowid()"), [value]).unwrap();
    }
    let torn = format!(
        "INSERT INTO orders SELECT id, CAST(x'4B616E617269652BFF' AS TEXT), x'4B616E617269652B', amount, ratio, note, {} FROM orders WHERE id = 4",
        number(7)
    );
    table.execute(&torn, []).unwrap();
    table.execute_batch("COMMIT").unwrap();
}

/// The table into which items go, made by these statements.
pub fn till(place: &Place, sql: &str) {
    Connection::open(place.output()).unwrap().execute_batch(sql).unwrap();
}
