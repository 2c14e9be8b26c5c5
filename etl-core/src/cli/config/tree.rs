//! What all layers said, merged: a tree of keys whose leaves know where they came from.

use std::collections::BTreeMap;

use super::masked::without_userinfo;
use super::origin::Origin;

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Written {
    /// In the environment or in a flag; its type is that which is asked for.
    Text(String),
    /// In a file.
    Toml(toml::Value),
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Leaf {
    pub(crate) written: Written,
    pub(crate) origin: Origin,
}

impl Leaf {
    /// The value as text, where it is a single one. Numbers of a file read as if they had been
    /// written in a flag, so that each layer keeps the same rules.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.written {
            Written::Text(text) => Some(text.clone()),
            Written::Toml(value) => scalar_text(value),
        }
    }

    /// The value for people, without the passwords of URLs (I8).
    pub(crate) fn shown(&self) -> String {
        let text = match &self.written {
            Written::Text(text) => text.clone(),
            Written::Toml(value) => toml_text(value),
        };
        without_userinfo(&text).into_owned()
    }
}

/// A single TOML value as text.
pub(crate) fn scalar_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(_) | toml::Value::Table(_) => None,
    }
}

fn toml_text(value: &toml::Value) -> String {
    match value {
        toml::Value::Array(items) => items.iter().map(toml_text).collect::<Vec<_>>().join(", "),
        toml::Value::Table(table) => {
            let pairs: Vec<_> = table.iter().map(|(key, value)| format!("{key} = {}", toml_text(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        scalar => scalar_text(scalar).unwrap_or_default(),
    }
}

/// A key with a value, or with keys below it, or (before anything is said) with neither.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Node {
    pub(crate) leaf: Option<Leaf>,
    pub(crate) children: BTreeMap<String, Node>,
}

impl Node {
    /// A tree of one value.
    pub(crate) fn at(path: &[&str], leaf: Leaf) -> Self {
        match path {
            [] => Self { leaf: Some(leaf), children: BTreeMap::new() },
            [first, rest @ ..] => Self { leaf: None, children: BTreeMap::from([((*first).to_owned(), Self::at(rest, leaf))]) },
        }
    }

    /// The tree of a TOML value; tables are keys, everything else is a value.
    pub(crate) fn of_toml(value: toml::Value, origin: &Origin) -> Self {
        match value {
            toml::Value::Table(table) => {
                Self { leaf: None, children: table.into_iter().map(|(key, value)| (key, Self::of_toml(value, origin))).collect() }
            }
            value => Self { leaf: Some(Leaf { written: Written::Toml(value), origin: origin.clone() }), children: BTreeMap::new() },
        }
    }

    /// Lays `other` over this: at each key the stronger layer wins, in one layer `other`. Between a
    /// value and keys below it, the stronger layer wins as well.
    pub(crate) fn overlay(&mut self, other: Self) {
        let stronger = |a: Option<(u8, usize)>, b: Option<(u8, usize)>| a > b;
        if let Some(leaf) = other.leaf {
            let layer = Some(leaf.origin.layer());
            if !stronger(self.layer(), layer) {
                *self = Self { leaf: Some(leaf), children: BTreeMap::new() };
            }
            return;
        }
        if other.children.is_empty() {
            return;
        }
        if let Some(leaf) = &self.leaf {
            if stronger(Some(leaf.origin.layer()), other.layer()) {
                return;
            }
            self.leaf = None;
        }
        for (key, child) in other.children {
            self.children.entry(key).or_default().overlay(child);
        }
    }

    /// The strongest layer that says anything at or below this key.
    fn layer(&self) -> Option<(u8, usize)> {
        let own = self.leaf.as_ref().map(|leaf| leaf.origin.layer());
        self.children.values().map(Self::layer).fold(own, Option::max)
    }

    /// Who said something here, for an error about the key itself.
    pub(crate) fn origin(&self) -> Option<&Origin> {
        let leaf = self.leaf.as_ref().map(|leaf| &leaf.origin);
        leaf.or_else(|| self.children.values().find_map(Self::origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(text: &str, origin: Origin) -> Leaf {
        Leaf { written: Written::Text(text.to_owned()), origin }
    }

    fn file(order: usize) -> Origin {
        Origin::File { order, path: format!("{order}.toml") }
    }

    #[test]
    fn the_stronger_layer_wins_in_any_order() {
        let weak = Node::at(&["a", "b"], leaf("file", file(0)));
        let strong = Node::at(&["a", "b"], leaf("flag", Origin::Flag("--set")));
        for (first, second) in [(&weak, &strong), (&strong, &weak)] {
            let mut tree = first.clone();
            tree.overlay(second.clone());
            assert_eq!(tree, strong);
        }
    }

    #[test]
    fn keys_beside_each_other_are_all_kept() {
        let mut tree = Node::at(&["a", "b"], leaf("1", file(0)));
        tree.overlay(Node::at(&["a", "c"], leaf("2", Origin::Env("ETL__A__C".to_owned()))));
        assert_eq!(tree.children["a"].children.len(), 2);
    }

    #[test]
    fn a_value_replaces_a_table_of_a_weaker_layer_and_the_other_way_round() {
        let table = Node::at(&["a", "b"], leaf("1", file(0)));
        let value = Node::at(&["a"], leaf("2", Origin::Flag("--set")));
        let mut tree = table.clone();
        tree.overlay(value.clone());
        assert_eq!(tree, value);
        tree.overlay(table);
        assert_eq!(tree, value);

        let mut tree = Node::at(&["a"], leaf("2", file(0)));
        let keys = Node::at(&["a", "b"], leaf("1", file(1)));
        tree.overlay(keys.clone());
        assert_eq!(tree, keys);
    }
}
