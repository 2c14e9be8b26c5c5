//! What is said of a derive, and where.

use super::tokens;

fn record(input: &str) -> Vec<String> {
    super::listed(crate::derive::record::expand(tokens(input)).1)
}

fn stage_error(input: &str) -> Vec<String> {
    super::listed(crate::derive::stage_error::expand(tokens(input)).1)
}

fn settings(input: &str) -> Vec<String> {
    super::listed(crate::derive::settings::expand(tokens(input)).1)
}

#[test]
fn settings_are_named_and_secrets_are_told() {
    assert!(settings("struct S { input: PathBuf, password: Secret<String>, max_tokens: u32, token: u64, secret: bool }").is_empty());
    assert!(settings("struct S { #[settings(shown)] token: String, #[serde(flatten)] password: Login }").is_empty());
    let clear = |name: &str, masked: &str| {
        format!(
            "`{name}` would be printed by `plan` and in errors; write `{masked}`, or put `#[settings(shown)]` on it if everybody may read it"
        )
    };
    assert_eq!(settings("struct S { api_key: String }"), [format!("1:21 {}", clear("api_key", "Secret<String>"))]);
    assert_eq!(settings("struct S { token: Option<String> }"), [format!("1:19 {}", clear("token", "Option<Secret<String>>"))]);
    assert_eq!(
        settings("struct S { #[serde(rename = \"pw\")] db_password: String }"),
        [format!("1:49 {}", clear("pw", "Secret<String>"))],
        "the name of the field says what it is"
    );
    assert_eq!(
        settings("#[serde(rename_all = \"camelCase\", deny_unknown_fields)] struct S { #[serde(rename = \"pipeline\")] p: u8 }"),
        ["1:98 `pipeline` cannot be a setting: `pipeline.memory` and its like are the options of the whole pipeline; rename it"]
    );
    assert_eq!(
        settings("struct S { tail: Sensitive<String> }"),
        ["1:18 a setting that is masked wherever people look is a `Secret<…>`; `Sensitive` is for the columns of records"]
    );
    assert_eq!(
        settings("struct S { #[settings(show)] token: u8 }"),
        ["1:23 unknown option `show` in `#[settings(…)]`; did you mean `shown`?"]
    );
    assert_eq!(
        settings("struct S { #[settings(default = 5)] batch: u8 }"),
        ["1:23 defaults are serde's: write `#[serde(default)]`, or `#[serde(default = \"function\")]` with the name of a function"]
    );
    let not = |found: &str| {
        format!("`Settings` is derived for a struct with named fields, which are what the operator sets, but this is {found}")
    };
    assert_eq!(settings("enum S { A }"), [format!("1:1 {}", not("an enum"))]);
    assert_eq!(settings("struct S(u8);"), [format!("1:9 {}", not("a struct without named fields"))]);
    assert_eq!(settings("struct S;"), [format!("1:8 {}", not("a struct without named fields"))]);
    assert_eq!(settings("struct S<T> { a: T }"), ["1:9 settings have one concrete type and own their data, so they cannot be generic"]);
}

#[test]
fn what_is_masked_is_said_by_its_type() {
    assert_eq!(
        record("struct R { a: u8, b: Option<Secret<String>> }"),
        ["1:22 a `Secret` is a setting, and no column is one; a column that is masked wherever people look is `Sensitive<String>`"]
    );
    assert_eq!(
        record("struct R { #[record(redact)] a: u8 }"),
        ["1:21 `redact` is said by the type of the field: write `Sensitive<…>`, which prints as `***` everywhere but in files and tables"]
    );
    assert_eq!(
        stage_error("enum E { #[on_error(skip)] #[hint(\"see {0}\")] A(u8) }"),
        ["1:35 a hint is printed as it is written: it cannot quote a value, which may be a record's; say what to do without it"]
    );
    assert!(stage_error("enum E { #[on_error(skip)] #[hint(\"write {{id}}\")] A(u8) }").is_empty());
}

#[test]
fn a_record_is_a_struct_with_named_fields() {
    let not = |found: &str| {
        format!(
            "`Record` is derived for a struct with named fields, which are its columns, but this is {found}; for a type that only has serde, derive `SerdeRecord`"
        )
    };
    assert_eq!(record("enum R { A }"), [format!("1:1 {}", not("an enum"))]);
    assert_eq!(record("struct R(u8);"), [format!("1:9 {}", not("a tuple struct"))]);
    assert_eq!(record("union R { a: u8 }"), [format!("1:1 {}", not("a union"))]);
    assert_eq!(record("struct R {}"), ["1:10 a record needs at least one field, which is a column"]);
    assert_eq!(record("struct R;"), ["1:8 a record needs at least one field, which is a column"]);
    let generic =
        "a record has concrete columns and owns its data, so it cannot be generic; write the types and use `String` for borrowed text";
    assert_eq!(record("struct R<'a> { a: &'a str }"), [format!("1:9 {generic}")]);
}

#[test]
fn the_options_of_a_record_are_checked() {
    assert_eq!(
        record("struct R { #[record(renam = \"b\")] a: u8 }"),
        ["1:21 unknown option `renam` in `#[record(…)]`; did you mean `rename`?"]
    );
    assert_eq!(
        record("struct R { #[record(zebra)] a: u8 }"),
        ["1:21 unknown option `zebra` in `#[record(…)]`; here there are `rename`, `default` and `text`"]
    );
    assert_eq!(record("#[record(rename = \"x\")] struct R { a: u8 }"), ["1:10 `rename` is an option of a field; move it to the field"]);
    assert_eq!(
        record("struct R { #[record(rename_all = \"camelCase\")] a: u8 }"),
        ["1:21 `rename_all` is an option of the whole record; move it above the struct"]
    );
    assert_eq!(record("struct R { #[record(rename = 5)] a: u8 }"), ["1:30 `rename` needs text: write `rename = \"Column Name\"`"]);
    assert_eq!(record("struct R { #[record(rename = \"\")] a: u8 }"), ["1:30 a column needs a name"]);
    assert_eq!(record("struct R { #[record(text = true)] a: u8 }"), ["1:21 `text` takes no value: write `text`"]);
    assert_eq!(
        record("struct R { #[record(text, text)] a: u8 }"),
        ["1:27 option `text` is given twice; remove this one, or the first at line 1"]
    );
    assert_eq!(
        record("#[record(rename_all = \"PascalCase\")] struct R { a: u8, #[record(rename = \"A\")] b: u8 }"),
        ["1:74 column `A` is there twice: field `a` has that name already; use `#[record(rename = \"…\")]` on one of them"]
    );
    assert_eq!(
        record("#[record(rename_all = \"kebab_case\")] struct R { a: u8 }"),
        ["1:23 unknown case `kebab_case`; did you mean `kebab-case`?"]
    );
}

#[test]
fn what_only_serde_reads_is_refused() {
    let not = |option: &str| format!("`Record` does not read `#[serde({option})]`; ");
    for (attribute, option, instead) in [
        ("rename = \"A B\"", "rename", "write `#[record(rename = \"A B\")]`"),
        ("rename(deserialize = \"A B\", serialize = \"c\")", "rename", "write `#[record(rename = \"A B\")]`"),
        ("default = \"fallback\"", "default", "write `#[record(default)]` on the field, which takes the `Default` of the field's type"),
        ("flatten", "flatten", "a field is one column, so write the fields of its type here"),
        ("skip", "skip", "each field is a column, so leave this one out, or write `#[record(default)]` if the column may be missing"),
    ] {
        assert_eq!(record(&format!("struct R {{ #[serde({attribute})] a: u8 }}")), [format!("1:20 {}{instead}", not(option))]);
    }
    assert_eq!(
        record("#[serde(rename_all = \"camelCase\", deny_unknown_fields)] struct R { a: u8 }"),
        [format!("1:9 {}write `#[record(rename_all = \"camelCase\")]`", not("rename_all"))]
    );
    assert!(record("#[record(rename_all = \"camelCase\")] #[serde(rename_all = \"camelCase\")] struct R { a: u8 }").is_empty());
    assert!(record("struct R { #[record(rename = \"A\", default)] #[serde(rename = \"A\", default, alias = \"b\")] a: u8 }").is_empty());
    assert_eq!(record("#[serde(default)] struct R { a: u8 }").len(), 1);
    assert!(record("#[serde(default)] struct R { #[record(default)] a: u8 }").is_empty());
    assert!(record("struct R { #[record(default)] #[serde(skip)] a: u8, #[serde(with = \"x\")] b: u8 }").is_empty());
    assert_eq!(record("struct R { #[record(rename = \"A\")] #[serde(rename = \"A\", default)] a: u8 }").len(), 1);
}

#[test]
fn every_variant_has_one_class() {
    let unclassed = |variant: &str| {
        format!(
            "variant `{variant}` has no class; say what becomes of the record: `#[on_error(retry)]` tries again, `#[on_error(skip)]` leaves it out, \
             `#[on_error(reject)]` keeps it as a dead letter, `#[on_error(fail)]` stops the run"
        )
    };
    assert_eq!(stage_error("enum E { A, B(u8) }"), [format!("1:10 {}", unclassed("A")), format!("1:13 {}", unclassed("B"))]);
    assert_eq!(
        stage_error("enum E { #[on_error(fail)] #[on_error(skip)] A }"),
        ["1:28 variant `A` has two classes; an error has one fate"]
    );
    assert_eq!(stage_error("enum E { #[on_error(fatal)] A }"), ["1:21 unknown class `fatal`; did you mean `fail`?"]);
    assert_eq!(stage_error("enum E { #[on_error(zebra)] A }"), ["1:21 unknown class `zebra`; write `retry`, `skip`, `reject` or `fail`"]);
    let form = "write one class: `#[on_error(retry)]`, `#[on_error(skip)]`, `#[on_error(reject)]` or `#[on_error(fail)]`";
    assert_eq!(stage_error("enum E { #[on_error] A }"), [format!("1:10 {form}")]);
    assert_eq!(stage_error("enum E { #[on_error()] A }"), [format!("1:10 {form}")]);
    assert_eq!(stage_error("enum E { #[on_error(class = retry)] A }"), [format!("1:21 {form}")]);
    let text = "a class is a word and no text: write `#[on_error(reject)]`";
    assert_eq!(stage_error("enum E { #[on_error(\"reject\")] A }"), [format!("1:21 {text}")]);
    assert_eq!(stage_error("enum E { #[on_error = \"reject\"] A }"), [format!("1:23 {text}")]);
    assert_eq!(
        stage_error("enum E { #[on_error(retry(5))] A }"),
        ["1:26 write `#[on_error(retry)]` here, and `retries = 5` in the attribute of the stage"]
    );
    assert_eq!(stage_error("enum E { #[on_error(retry, reject)] A }"), ["1:28 variant `A` has two classes; an error has one fate"]);
    assert_eq!(
        stage_error("#[on_error(fail)] enum E { A, #[on_error(skip)] B, C(u8) }"),
        ["1:1 each variant has its own class; put `#[on_error(…)]` on the variants"],
        "those without one are not told as well"
    );
    assert_eq!(
        stage_error("#[on_error(fail)] enum E { #[on_error(fail)] A }"),
        ["1:1 each variant has its own class; put `#[on_error(…)]` on the variants"]
    );
    assert_eq!(
        stage_error("union E { a: u8 }"),
        ["1:1 `StageError` is derived for an enum, each variant with its class, or for a struct, but this is a union"]
    );
    assert!(stage_error("#[on_error(fail)] struct E;").is_empty());
    assert_eq!(
        stage_error("enum E { #[on_error(skip)] #[hint(5)] A }"),
        ["1:28 write what the operator can do as text: `#[hint(\"check the registry\")]`"]
    );
}
