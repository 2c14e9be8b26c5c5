//! The parts of a place in the settings: fields, keys of a map, elements of a list, a variant.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::de::{De, key};
use super::error::SettingError;
use super::join;
use crate::cli::config::Problem;
use crate::cli::config::origin::Origin;
use crate::cli::config::suggest::{did_you_mean, listed, same_name};
use crate::cli::config::tree::Node;

type Result<T> = std::result::Result<T, SettingError>;

/// The fields of a struct that are given.
pub(super) struct Fields<'a, 'n> {
    pub(super) fields: std::vec::IntoIter<(&'static str, Option<&'n Node>)>,
    pub(super) next: Option<(&'static str, Option<&'n Node>)>,
    pub(super) of: &'a De<'a>,
}

impl<'de> MapAccess<'de> for Fields<'_, '_> {
    type Error = SettingError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        self.next = self.fields.next();
        let Some((name, _)) = self.next else { return Ok(None) };
        let name: StrDeserializer<'_, SettingError> = name.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let Some((name, node)) = self.next.take() else { return Err(SettingError::expected("a value")) };
        let place = self.of.below(node, name);
        // What is named like a secret may be one, whatever its type makes of it.
        let (path, origin, secret) = (place.path.clone(), node.and_then(Node::origin).cloned(), place.secret || place.named);
        seed.deserialize(place).map_err(|error| error.of(&path, origin.as_ref(), None, secret))
    }
}

/// The keys of a map.
pub(super) struct Keys<'a, 'n> {
    keys: std::collections::btree_map::Iter<'n, String, Node>,
    next: Option<(&'n String, &'n Node)>,
    of: &'a De<'a>,
}

impl<'a, 'n> Keys<'a, 'n> {
    pub(super) fn of(node: &'n Node, of: &'a De<'a>) -> Self {
        Self { keys: node.children.iter(), next: None, of }
    }
}

impl<'de> MapAccess<'de> for Keys<'_, '_> {
    type Error = SettingError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        self.next = self.keys.next();
        let Some((name, node)) = self.next else { return Ok(None) };
        self.of.pass.saw(&join(&self.of.path, name), Some(node));
        key(seed, name, self.of.pass).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let Some((name, node)) = self.next.take() else { return Err(SettingError::expected("a value")) };
        let node = (!self.of.pass.stand_ins.contains(&join(&self.of.path, name))).then_some(node);
        seed.deserialize(self.of.below(node, name))
    }
}

/// The elements of a list.
pub(super) struct Items<'a, 'n> {
    pub(super) items: std::iter::Enumerate<std::slice::Iter<'n, Node>>,
    pub(super) list: &'a De<'a>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = SettingError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((index, node)) = self.items.next() else { return Ok(None) };
        let path = format!("{}[{index}]", self.list.path);
        let node = (!self.list.pass.stand_ins.contains(&path)).then_some(node);
        seed.deserialize(De { node, path, secret: self.list.secret, named: self.list.named, pass: self.list.pass }).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// A variant with content: a table with the variant's name as its only key.
pub(super) struct Enum<'a> {
    variant: &'static str,
    content: De<'a>,
}

impl<'a> Enum<'a> {
    pub(super) fn of(node: &'a Node, variants: &'static [&'static str], of: &De<'a>) -> Option<Self> {
        let mut children = node.children.iter();
        let (Some((name, child)), None) = (children.next(), children.next()) else { return None };
        let from_env = matches!(child.origin(), Some(Origin::Env(_)));
        let variant = variants.iter().find(|variant| *variant == name || from_env && same_name(variant, name))?;
        Some(Self { variant, content: of.below(Some(child), variant) })
    }
}

impl<'de, 'a> EnumAccess<'de> for Enum<'a> {
    type Error = SettingError;
    type Variant = Content<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Content<'a>)> {
        let name: StrDeserializer<'_, SettingError> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

/// The content of a variant.
pub(super) struct Content<'a>(De<'a>);

impl<'de> VariantAccess<'de> for Content<'_> {
    type Error = SettingError;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        serde::Deserializer::deserialize_seq(self.0, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        serde::Deserializer::deserialize_struct(self.0, "", fields, visitor)
    }
}

/// A key that is no field. Its value is not shown: it may be a secret under a misspelt name (I8).
pub(super) fn unknown(of: &De<'_>, key: &str, node: &Node, fields: &'static [&'static str]) -> Problem {
    let at_root = of.path.is_empty();
    let reserved = of.pass.reserved.iter().copied().filter(|_| at_root);
    let origin = node.origin().cloned().unwrap_or(Origin::Default);
    let meant = did_you_mean(key, fields.iter().copied().chain(reserved.clone()))
        .map_or(String::new(), |meant| format!("did you mean `{}`? ", join(&of.path, meant)));
    let has = match (fields.is_empty(), at_root) {
        (true, true) => "this pipeline has no settings".to_owned(),
        (true, false) => format!("`{}` has no settings below it", of.path),
        (false, true) => format!("the settings are {}", listed(fields)),
        (false, false) => format!("`{}` has {}", of.path, listed(fields)),
    };
    let stages: Vec<_> = reserved.collect();
    let stages = if at_root { format!("; options are below {}", listed(&stages)) } else { String::new() };
    Problem::of(join(&of.path, key), &origin, "is no setting of this pipeline").hint(format!("{meant}{has}{stages}"))
}
