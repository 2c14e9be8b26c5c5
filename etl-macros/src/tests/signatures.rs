//! What is said of a signature, and where.

use super::{poison_in, tokens};
use crate::role::Role;

/// The errors, of which the first is in the poison.
#[track_caller]
fn says(role: Role, item: &str, wanted: &[&str]) {
    let (expanded, errors) = crate::stage::expand(role, tokens(""), tokens(item));
    let rest = super::listed(errors);
    let text = expanded.to_string();
    let first = text.split("compile_error !").nth(1).map(|after| after.split('"').nth(1).unwrap_or_default().to_owned());
    let said: Vec<_> = first.into_iter().chain(rest.into_iter().map(|error| error.split_once(' ').unwrap().1.to_owned())).collect();
    assert_eq!(said.len(), wanted.len(), "{item}: {said:#?}");
    for (said, wanted) in said.iter().zip(wanted) {
        assert!(said.replace("\\\"", "\"").starts_with(wanted), "{item}: {said}");
    }
    assert!(text.starts_with(&tokens(item).to_string()), "I9: the function comes first and as it was written");
}

#[test]
fn a_record_comes_first_and_everything_else_is_lent() {
    says(Role::Transform, "fn clean() -> Clean {}", &["transform `clean` takes no record; the first parameter is its record"]);
    says(Role::Loader, "fn load() {}", &["loader `load` takes no record; the first parameter is its records"]);
    says(
        Role::Transform,
        "fn clean(raw: Raw, pool: Pool) -> Clean {}",
        &["`clean` takes one record, the first parameter; everything else is lent: write `&Pool`"],
    );
    says(Role::Transform, "fn clean(raw: &mut Raw) -> Clean {}", &["a record cannot be taken by `&mut`"]);
    says(
        Role::Transform,
        "fn clean(raw: Raw, a: &mut A, b: &mut B) -> Clean {}",
        &["a transform keeps one state; put both into one struct"],
    );
    says(Role::Loader, "fn load(raw: &[Raw], a: &mut A, b: &mut B) {}", &["a loader writes in one transaction"]);
    says(
        Role::Filter,
        "fn keep(raw: &Raw, seen: &mut u64) -> bool {}",
        &["filter `keep` cannot keep state; a `#[transform]` that returns `Option` can"],
    );
    says(
        Role::Extractor,
        "fn read(raw: Raw) -> Vec<Raw> {}",
        &["extractor `read` takes no record, only the settings and resources, which are lent: write `&Raw`"],
    );
    says(Role::Resource, "fn pool(c: &mut Config) -> Pool {}", &["resource `pool` cannot take `&mut`"]);
    for names in ["&[Name]", "&str", "&Path", "&std::path::Path", "&std::ffi::OsStr"] {
        says(
            Role::Transform,
            &format!("fn clean(raw: Raw, names: {names}) -> Clean {{}}"),
            &[&format!("`{names}` cannot be lent: the settings and resources are found by their type; take `&Config` and use its field")],
        );
    }
    says(Role::Transform, "fn clean(raw: Raw, names: &PathBuf, other: &self::Path) -> Clean {}", &[]);
    says(Role::Transform, "fn clean(raw: Raw, names: &dyn Names) -> Clean {}", &["`&dyn Names` cannot be lent"]);
}

#[test]
fn what_is_lent_is_shared_and_there() {
    let shared = "write `&x::Client`: what a resource lends is shared already, and needs no ";
    for pointer in ["Arc", "Rc", "Box"] {
        let item = format!("fn clean(raw: Raw, client: std::sync::{pointer}<x::Client>) -> Clean {{}}");
        says(Role::Transform, &item, &[&format!("{shared}`{pointer}`")]);
    }
    says(Role::Resource, "fn pool(client: Arc<x::Client>) -> Pool {}", &[shared]);
    says(Role::Transform, "fn clean(raw: Raw, client: &Arc<x::Client>) -> Clean {}", &[]);
    says(Role::Transform, "fn clean(raw: Raw, names: Box<dyn Names>) -> Clean {}", &["`clean` takes one record"]);
    let there = "write `&Client`: a resource is made before the first record, or the run stops";
    says(Role::Filter, "fn keep(raw: &Raw, client: Option<&Client>) -> bool {}", &[there]);
    says(Role::Transform, "fn clean(raw: Raw, more: Option<Raw>) -> Clean {}", &["`clean` takes one record"]);
}

#[test]
fn a_transaction_is_taken_by_mut() {
    let wanted = "a transaction is taken as `&mut sqlite::Transaction<'_>`";
    for wrong in ["sqlite::Transaction<'_>", "&sqlite::Transaction<'_>"] {
        says(Role::Loader, &format!("fn load(raw: &[Raw], tx: {wrong}) {{}}"), &[wanted]);
    }
    says(Role::Loader, "fn load(raw: &[Raw], log: &TransactionLog) {}", &[]);
    says(Role::Transform, "fn clean(raw: Raw, rules: &Transaction) -> Clean {}", &[]);
}

#[test]
fn a_resource_owns_its_data() {
    for ty in ["Client<'_>", "&Client", "Client<'a, u8>"] {
        let wanted =
            format!("a resource owns its data, because it stays for the whole run, but `{ty}` borrows; give it a copy of what it needs");
        says(Role::Resource, &format!("fn client(config: &Config) -> Result<{ty}> {{}}"), &[&wanted]);
    }
    for ty in
        ["&'static str", "Client<'static>", "HashMap<&'static str, fn(&str) -> u8>", "Box<dyn for<'a> Fn(&'a str) -> bool + Send + Sync>"]
    {
        says(Role::Resource, &format!("fn client(config: &Config) -> Result<{ty}> {{}}"), &[]);
    }
}

#[test]
fn a_future_is_what_async_is_for() {
    let wanted = "write `async fn` and `-> Result<Clean, E>` in place of a future";
    for future in [
        "impl Future<Output = Result<Clean, E>> + Send",
        "BoxFuture<'_, Result<Clean, E>>",
        "Pin<Box<dyn Future<Output = Result<Clean, E>> + Send + 'a>>",
    ] {
        says(Role::Transform, &format!("fn clean(raw: Raw) -> {future} {{}}"), &[wanted]);
        says(Role::Resource, &format!("fn pool() -> {future} {{}}"), &[wanted]);
    }
    says(Role::Transform, "fn clean(raw: Raw) -> impl Future {}", &["write `async fn` in place of a future"]);
    says(Role::Extractor, "fn read() -> Pin<Box<dyn Stream<Item = Raw>>> {}", &[]);
}

#[test]
fn a_record_is_a_type_that_owns_its_data() {
    says(Role::Transform, "fn clean(raw: Raw<'_>) -> Clean {}", &["a record owns its data"]);
    says(Role::Transform, "fn clean(raw: &&Raw) -> Clean {}", &["a record owns its data"]);
    says(Role::Transform, "fn clean(raw: impl Any) -> Clean {}", &["a record has a concrete type"]);
    says(Role::Transform, "fn clean(raw: &Vec<Raw>) -> Clean {}", &["write `&[Raw]` for a batch that is lent"]);
}

#[test]
fn filters_and_loaders_only_look_at_their_records() {
    says(Role::Filter, "fn keep(raw: Raw) -> bool {}", &["filter `keep` only looks at its record: write `&Raw`"]);
    says(Role::Filter, "fn keep(raw: &[Raw]) -> bool {}", &["filter `keep` looks at one record: write `&Raw`"]);
    says(
        Role::Loader,
        "fn load(raw: Raw) {}",
        &["loader `load` cannot take its records away: the engine keeps them until the target has them; write `&[Raw]` or `&Raw`"],
    );
    says(Role::Loader, "fn load(raw: Vec<Raw>) {}", &["loader `load` cannot take its records away"]);
}

#[test]
fn what_cannot_be_looked_into_has_to_be_named() {
    says(Role::Transform, "fn clean(raw: Raw) {}", &["transform `clean` returns nothing; return the record that goes on"]);
    says(Role::Filter, "fn keep(raw: &Raw) {}", &["filter `keep` returns nothing; return `bool` or `Result<bool, _>`"]);
    says(Role::Resource, "fn pool() {}", &["resource `pool` returns nothing"]);
    says(
        Role::Transform,
        "fn clean(raw: Raw) -> impl Any {}",
        &["`impl Any` does not say what it yields; write `impl Iterator<Item = Record>`"],
    );
    says(Role::Transform, "fn clean(raw: Raw) -> impl Iterator {}", &["`impl Iterator` does not say what it yields"]);
    says(
        Role::Transform,
        "fn clean(raw: Raw) -> Option<impl Iterator<Item = C>> {}",
        &["`impl` can only stand alone or in a `Result` here"],
    );
    says(Role::Transform, "fn clean(raw: Raw) -> impl Stream<Item = C> {}", &["a `#[transform]` cannot return a stream"]);
    says(Role::Transform, "fn clean(raw: Vec<Raw>) -> impl Iterator<Item = C> {}", &["a batch transform returns `Batch<_>`"]);
    says(Role::Resource, "fn pool() -> impl Any {}", &["a `#[resource]` cannot return `impl Any`; name the type"]);
}

#[test]
fn only_async_may_stand_before_fn() {
    says(Role::Transform, "unsafe fn clean(raw: Raw) -> Clean {}", &["transform `clean` cannot be `unsafe`; write `fn` or `async fn`"]);
    says(Role::Transform, "const fn clean(raw: Raw) -> Clean {}", &["transform `clean` cannot be `const`"]);
    says(Role::Transform, "extern \"C\" fn clean(raw: Raw) -> Clean {}", &["transform `clean` cannot be `extern`"]);
    says(Role::Transform, "fn clean<T>(raw: Raw) -> Clean {}", &["transform `clean` cannot be generic"]);
    says(Role::Transform, "fn clean<'a>(raw: &'a Raw, names: &'a Names) -> Clean {}", &[]);
    says(
        Role::Transform,
        "fn clean(raw: impl Any, b: B) {}",
        &["a record has a concrete type", "`clean` takes one record", "transform `clean` returns nothing"],
    );
}

#[test]
fn an_attribute_on_something_else_leaves_it_as_it_is() {
    for (item, found) in [
        ("struct Clean;", "struct"),
        ("pub enum Clean {}", "enum"),
        ("impl Clean {}", "impl"),
        ("const CLEAN: u8 = 1;", "const"),
        ("unsafe impl Send for Clean {}", "impl"),
    ] {
        let (expanded, errors) = crate::stage::expand(Role::Transform, tokens(""), tokens(item));
        assert_eq!(expanded.to_string(), tokens(item).to_string());
        let said = super::listed(errors);
        assert!(said[0].ends_with(&format!("`#[transform]` stands above a function, but this is a `{found}`")), "{said:?}");
    }
}

#[test]
fn a_method_stays_a_method() {
    let item = "fn clean(&self, raw: Raw) -> Clean {}";
    let (expanded, errors) = crate::stage::expand(Role::Transform, tokens(""), tokens(item));
    assert_eq!(expanded.to_string(), tokens(item).to_string(), "a struct cannot stand in an `impl`");
    assert_eq!(super::listed(errors).len(), 1);
    assert_eq!(poison_in(&expanded), 0);
}

#[test]
fn a_second_role_is_taken_away() {
    let (expanded, errors) = crate::stage::expand(
        Role::Transform,
        tokens(""),
        tokens("#[inline] #[etl_core::loader(batch = 3)] fn clean(raw: &[Raw]) -> Batch<Raw> {}"),
    );
    assert_eq!(super::listed(errors), ["1:13 `clean` already is a `#[transform]`; a function has one role, so remove `#[loader]`"]);
    assert!(expanded.to_string().starts_with("# [inline] fn clean"), "{expanded}");
}
