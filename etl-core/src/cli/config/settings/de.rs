//! A node of the tree as a serde deserializer.

use std::time::Duration;

use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::access::{Enum, Fields, Items, Keys};
use super::error::SettingError;
use super::{Pass, join};
use crate::cli::config::masked::is_secret_name;
use crate::cli::config::suggest::same_name;
use crate::cli::config::tree::{Leaf, Node, Written};
use crate::cli::config::value;
use crate::contract::record::SECRET_NAME;

/// A place in the settings, and what is written there: `None` at a stand-in.
#[derive(Clone)]
pub(super) struct De<'a> {
    pub(super) node: Option<&'a Node>,
    pub(super) path: String,
    pub(super) secret: bool,
    /// Whether it is secret if it is a text: something above it is named like a secret.
    pub(super) named: bool,
    pub(super) pass: &'a Pass<'a>,
}

/// What is written at a place.
enum Found<'a> {
    StandIn,
    Value(&'a Leaf),
    Table(&'a Node),
}

type Result<T> = std::result::Result<T, SettingError>;

impl<'a> De<'a> {
    pub(super) fn root(tree: &'a Node, pass: &'a Pass<'a>) -> Self {
        Self { node: Some(tree), path: String::new(), secret: false, named: false, pass }
    }

    /// What is written below this place.
    ///
    /// At the root all names were looked at when the settings were compiled, and who may read what is
    /// said there; what is below is only known by its names.
    pub(super) fn below(&self, node: Option<&'a Node>, name: &str) -> Self {
        let named = self.named || !self.path.is_empty() && is_secret_name(name);
        Self { node, path: join(&self.path, name), secret: self.secret, named, pass: self.pass }
    }

    /// The place holds a text.
    fn textual(mut self) -> Self {
        self.secret |= self.named;
        self
    }

    fn found(&self) -> Found<'a> {
        match self.node {
            None => Found::StandIn,
            Some(node) => node.leaf.as_ref().map_or(Found::Table(node), Found::Value),
        }
    }

    /// The place is a single value of a known type.
    fn typed(&self) {
        self.pass.typed(&self.path, self.secret);
        if self.secret
            && let Some(text) = self.text_if_any()
        {
            self.pass.secrets.borrow_mut().push(text);
        }
    }

    fn text_if_any(&self) -> Option<String> {
        self.node?.leaf.as_ref()?.text()
    }

    fn blame(&self, error: SettingError) -> SettingError {
        let value = match self.found() {
            Found::Value(leaf) => Some(leaf.shown()),
            Found::Table(_) => Some("a table".to_owned()),
            Found::StandIn => None,
        };
        error.of(&self.path, self.node.and_then(Node::origin), value, self.secret)
    }

    /// Says that it happened in the struct or map at this place.
    fn enclosing(&self, error: SettingError) -> SettingError {
        if self.secret && !matches!(error.kind, super::error::Kind::Missing(_)) { self.blame(error) } else { error.within(&self.path) }
    }

    fn expected<T>(&self, what: &str) -> Result<T> {
        Err(self.blame(SettingError::expected(what)))
    }

    /// The value as text, or `instead` at a stand-in.
    fn text(&self, what: &str, instead: &str) -> Result<String> {
        self.typed();
        match self.found() {
            Found::StandIn => Ok(instead.to_owned()),
            Found::Value(leaf) => leaf.text().map_or_else(|| self.expected(what), Ok),
            Found::Table(_) => self.expected(what),
        }
    }

    fn parsed<T: std::str::FromStr>(&self, what: &str, instead: &str) -> Result<T> {
        let text = self.text(what, instead)?;
        text.trim().replace('_', "").parse().or_else(|_| self.expected(what))
    }

    /// The elements of a list: of an array, or of a text with commas.
    fn items(&self) -> Result<Vec<Node>> {
        let Found::Value(leaf) = self.found() else {
            return match self.found() {
                Found::StandIn => Ok(Vec::new()),
                _ => self.expected("a list"),
            };
        };
        let item = |written| Node { leaf: Some(Leaf { written, origin: leaf.origin.clone() }), ..Node::default() };
        Ok(match &leaf.written {
            Written::Toml(toml::Value::Array(items)) => items.iter().map(|value| Node::of_toml(value.clone(), &leaf.origin)).collect(),
            _ => match leaf.text() {
                Some(text) if text.trim().is_empty() => Vec::new(),
                Some(text) => text.split(',').map(|part| item(Written::Text(part.trim().to_owned()))).collect(),
                None => return self.expected("a list"),
            },
        })
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.pass.typed(&self.path, self.secret);
        let items = self.items()?;
        visitor.visit_seq(Items { items: items.iter().enumerate(), list: &self }).map_err(|error| self.blame(error))
    }

    /// The fields that are written here, each under its own name; what is no field is a problem.
    fn fields(&self, node: &'a Node, fields: &'static [&'static str]) -> Vec<(&'static str, Node)> {
        let mut found: Vec<(&'static str, Node)> = Vec::new();
        for (key, child) in &node.children {
            let from_env = matches!(child.origin(), Some(crate::cli::config::origin::Origin::Env(_)));
            let exact = fields.iter().find(|field| *field == key);
            let Some(field) = exact.or_else(|| fields.iter().find(|field| from_env && same_name(field, key))) else {
                self.pass.problems.borrow_mut().push(super::access::unknown(self, key, child, fields));
                continue;
            };
            match found.iter_mut().find(|(known, _)| known == field) {
                Some((_, known)) => known.overlay(child.clone()),
                None => found.push((field, child.clone())),
            }
        }
        found
    }

    fn record<'de, V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        let given = match self.found() {
            Found::StandIn => Vec::new(),
            Found::Table(node) => self.fields(node, fields),
            // The text may be what belongs into a field that is a secret (I8).
            Found::Value(_) => {
                let keys = crate::cli::config::suggest::listed(fields);
                return Self { secret: true, ..self }.expected(&format!("a table with the keys {keys}"));
            }
        };
        self.pass.is_parent(&self.path);
        for field in fields {
            let path = join(&self.path, field);
            self.pass.saw(&path, given.iter().find(|(name, _)| name == field).map(|(_, node)| node));
            if self.path.is_empty() && self.pass.reserved.contains(field) {
                let text = format!("`{field}` cannot be a setting: a stage has the name, or it is the table of the pipeline's options");
                self.pass
                    .problems
                    .borrow_mut()
                    .push(crate::cli::config::Problem::new(text).hint("rename the field of the settings, or the stage"));
            }
        }
        let present = fields.iter().filter_map(|field| {
            if self.pass.stand_ins.contains(&join(&self.path, field)) {
                return Some((*field, None));
            }
            given.iter().find(|(name, _)| name == field).map(|(name, node)| (*name, Some(node)))
        });
        let access = Fields { fields: present.collect::<Vec<_>>().into_iter(), next: None, of: &self };
        visitor.visit_map(access).map_err(|error| self.enclosing(error))
    }

    /// A standard `Duration`, which asks for its parts, is written `30s`.
    fn duration<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value> {
        let text = self.text("a duration such as `30s`", "1s")?;
        let duration: Duration = value::duration(&text)
            .or_else(|_| if text.trim() == "0s" { Ok(Duration::ZERO) } else { self.expected("a duration such as `30s`") })?;
        let parts = [duration.as_secs(), u64::from(duration.subsec_nanos())];
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(parts.into_iter())).map_err(|error| self.blame(error))
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ident;)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            let mut what = concat!("a whole number (", stringify!($type), ")").to_owned();
            // Nobody types a number out of the range of the larger types.
            if size_of::<$type>() <= size_of::<u32>() {
                what = format!("{what} from {} to {}", $type::MIN, $type::MAX);
            }
            visitor.$visit(self.parsed::<$type>(&what, "1")?).map_err(|error| self.blame(error))
        }
    )* };
}

impl<'de> Deserializer<'de> for De<'_> {
    type Error = SettingError;

    whole_numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
    }

    /// Only types that are buffered or that take anything ask for this. A secret inside one cannot
    /// be told, so the whole value is hidden.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let hidden = Self { secret: true, ..self.clone() };
        hidden.typed();
        let result = match self.found() {
            Found::StandIn => visitor.visit_unit(),
            Found::Table(node) => visitor.visit_map(Keys::of(node, &hidden)),
            Found::Value(leaf) => match &leaf.written {
                Written::Text(text) => guessed(text, visitor),
                Written::Toml(toml::Value::String(text)) => visitor.visit_str(text),
                Written::Toml(toml::Value::Integer(number)) => visitor.visit_i64(*number),
                Written::Toml(toml::Value::Float(number)) => visitor.visit_f64(*number),
                Written::Toml(toml::Value::Boolean(flag)) => visitor.visit_bool(*flag),
                Written::Toml(toml::Value::Datetime(time)) => visitor.visit_string(time.to_string()),
                Written::Toml(toml::Value::Array(_) | toml::Value::Table(_)) => return hidden.list(visitor),
            },
        };
        result.map_err(|error| hidden.blame(error))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        const WHAT: &str = "`true` or `false` (`on`, `off`)";
        let text = self.text(WHAT, "false")?;
        let flag = value::switch(&text).or_else(|_| self.expected(WHAT))?;
        visitor.visit_bool(flag).map_err(|error| self.blame(error))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_f64(self.parsed("a number", "1")?).map_err(|error| self.blame(error))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let place = self.textual();
        visitor.visit_string(place.text("a single character", "-")?).map_err(|error| place.blame(error))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_string(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let place = self.textual();
        visitor.visit_string(place.text("a text", "")?).map_err(|error| place.blame(error))
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_byte_buf(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let place = self.textual();
        visitor.visit_byte_buf(place.text("a text", "")?.into_bytes()).map_err(|error| place.blame(error))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.found() {
            Found::StandIn => visitor.visit_none(),
            Found::Value(leaf) if leaf.text().is_some_and(|text| text.is_empty()) => {
                self.typed();
                visitor.visit_none()
            }
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if let Found::Table(node) = self.found() {
            self.fields(node, &[]);
        }
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _name: &'static str, visitor: V) -> Result<V::Value> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(mut self, name: &'static str, visitor: V) -> Result<V::Value> {
        self.secret |= name == SECRET_NAME;
        let place = self.clone();
        // Inside a secret, the text of a type's own error may quote it.
        visitor.visit_newtype_struct(self).map_err(|error| if place.secret { place.blame(error) } else { error })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _name: &'static str, _len: usize, visitor: V) -> Result<V::Value> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.found() {
            Found::Table(node) => {
                self.pass.is_parent(&self.path);
                visitor.visit_map(Keys::of(node, &self)).map_err(|error| self.enclosing(error))
            }
            Found::StandIn => visitor.visit_map(Keys::of(&Node::default(), &self)),
            Found::Value(_) => self.expected("a table"),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(self, name: &'static str, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        if name == "Duration" && fields == ["secs", "nanos"] && !matches!(self.found(), Found::Table(_)) {
            return self.duration(visitor);
        }
        self.record(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _name: &'static str, variants: &'static [&'static str], visitor: V) -> Result<V::Value> {
        self.typed();
        match self.found() {
            Found::Value(leaf) => {
                let Some(word) = leaf.text() else { return self.expected("the name of a variant") };
                let word: serde::de::value::StringDeserializer<SettingError> = word.into_deserializer();
                visitor.visit_enum(word).map_err(|error| self.blame(error))
            }
            Found::Table(node) => match Enum::of(node, variants, &self) {
                Some(variant) => visitor.visit_enum(variant).map_err(|error| self.blame(error)),
                None => self.expected(&format!("one of {}", crate::cli::config::suggest::listed(variants))),
            },
            Found::StandIn => {
                // The first variant; if it wants more than its name, reading ends here.
                let word: serde::de::value::StrDeserializer<'_, SettingError> =
                    variants.first().copied().unwrap_or_default().into_deserializer();
                visitor.visit_enum(word).map_err(|error| self.blame(error))
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { identifier }
}

/// A text for a type that takes anything: a number or a switch where it reads as one.
fn guessed<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value> {
    if let Ok(number) = text.parse::<i64>() {
        visitor.visit_i64(number)
    } else if let Ok(number) = text.parse::<f64>() {
        visitor.visit_f64(number)
    } else {
        match text {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => visitor.visit_str(text),
        }
    }
}

/// Reads a key of a map as the type that the map asks for.
pub(super) fn key<'de, K: serde::de::DeserializeSeed<'de>>(seed: K, key: &str, pass: &Pass<'_>) -> Result<K::Value> {
    let origin = crate::cli::config::origin::Origin::Default;
    let node = Node { leaf: Some(Leaf { written: Written::Text(key.to_owned()), origin }), ..Node::default() };
    let place = De { node: Some(&node), path: "\0key".to_owned(), secret: false, named: false, pass };
    seed.deserialize(place).map_err(|mut error| {
        error.path = None;
        error
    })
}
