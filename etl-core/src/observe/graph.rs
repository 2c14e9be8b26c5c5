//! The graph of a pipeline as text: Mermaid, DOT, JSON, SVG.
//!
//! ```
//! # use etl_core::observe::graph::{Format, Graph};
//! # fn draw(outline: &etl_core::wiring::Outline) -> String {
//! Graph::of(outline).render(Format::Mermaid)
//! # }
//! ```

mod layout;
mod svg;

use std::fmt::Write as _;

use serde::Serialize;

use crate::contract::error::Class;
use crate::contract::stage::{Role, StageDefinition, Takes};
use crate::engine::wiring::Outline;

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// For Markdown: GitHub and many others draw it.
    Mermaid,
    /// For graphviz.
    Dot,
    /// For programs.
    Json,
    /// A picture, drawn here.
    Svg,
}

/// The stages of a pipeline, what flows between them, and where rejected records go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Graph {
    /// The pipeline's name.
    pub pipeline: &'static str,
    /// The stages, in the order of the outline, and the dead letters, where there are any.
    pub nodes: Vec<GraphNode>,
    /// What flows.
    pub edges: Vec<GraphEdge>,
}

/// A stage, or the dead letters.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GraphNode {
    /// The stage's name.
    pub name: &'static str,
    /// What it does.
    pub kind: NodeKind,
    /// What is worth knowing of it: `async fn`, `parallel`, `batch 500`.
    pub notes: Vec<String>,
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NodeKind {
    /// A stage that yields records.
    Extractor,
    /// A stage that maps records.
    Transform,
    /// A stage that keeps or drops records.
    Filter,
    /// A stage that writes records to a target.
    Loader,
    /// Where rejected records go.
    DeadLetters,
}

/// What flows from one node to another, by index.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GraphEdge {
    /// Index of the node that yields.
    pub from: usize,
    /// Index of the node that takes.
    pub to: usize,
    /// The record type, or `reject`.
    pub label: &'static str,
    /// Whether these are rejected records.
    pub rejects: bool,
}

impl NodeKind {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Extractor => Role::Extractor.as_str(),
            Self::Transform => Role::Transform.as_str(),
            Self::Filter => Role::Filter.as_str(),
            Self::Loader => Role::Loader.as_str(),
            Self::DeadLetters => "dead letters",
        }
    }
}

impl Graph {
    /// The graph of a pipeline, as its author wrote it.
    #[must_use]
    pub fn of(outline: &Outline) -> Self {
        let mut nodes: Vec<_> = outline.stages.iter().map(node).collect();
        let mut edges: Vec<_> = outline
            .edges
            .iter()
            .map(|edge| GraphEdge { from: edge.from, to: edge.to, label: outline.stages[edge.from].output, rejects: false })
            .collect();
        let rejecting = |stage: &StageDefinition| stage.all_classes().contains(Class::Reject);
        if outline.policy.dead_letter && outline.stages.iter().any(rejecting) {
            let to = nodes.len();
            nodes.push(GraphNode { name: "dead letters", kind: NodeKind::DeadLetters, notes: Vec::new() });
            let from = outline.stages.iter().enumerate().filter(|(_, stage)| rejecting(stage)).map(|(index, _)| index);
            edges.extend(from.map(|from| GraphEdge { from, to, label: Class::Reject.as_str(), rejects: true }));
        }
        Self { pipeline: outline.name, nodes, edges }
    }

    /// The graph as text.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Mermaid => self.mermaid(),
            Format::Dot => self.dot(),
            // Strings and numbers always serialize.
            Format::Json => serde_json::to_string_pretty(self).unwrap_or_default() + "\n",
            Format::Svg => svg::draw(self),
        }
    }

    fn mermaid(&self) -> String {
        let mut text = String::from("flowchart LR\n");
        for (index, node) in self.nodes.iter().enumerate() {
            let (open, close) = match node.kind {
                NodeKind::Extractor => ("([", "])"),
                NodeKind::Transform => ("[", "]"),
                NodeKind::Filter => ("{{", "}}"),
                NodeKind::Loader => ("[(", ")]"),
                NodeKind::DeadLetters => ("[/", "/]"),
            };
            // Names could be words of the language (`end`), so nodes go by number.
            let _ = writeln!(
                text,
                "    n{index}{open}\"{}\"{close}",
                node.lines().iter().map(|line| mermaid_text(line)).collect::<Vec<_>>().join("<br/>")
            );
        }
        for edge in &self.edges {
            let arrow = if edge.rejects { "-.->" } else { "-->" };
            let label = if edge.label.is_empty() { String::new() } else { format!("|\"{}\"|", mermaid_text(edge.label)) };
            let _ = writeln!(text, "    n{} {arrow}{label} n{}", edge.from, edge.to);
        }
        text
    }

    fn dot(&self) -> String {
        let mut text = format!(
            "digraph \"{}\" {{\n    rankdir=LR;\n    node [shape=box, style=rounded, fontname=\"sans-serif\"];\n",
            dot_text(self.pipeline)
        );
        for (index, node) in self.nodes.iter().enumerate() {
            let shape = match node.kind {
                NodeKind::Extractor | NodeKind::Transform => "box",
                NodeKind::Filter => "hexagon",
                NodeKind::Loader => "cylinder",
                NodeKind::DeadLetters => "note",
            };
            let label = node.lines().iter().map(|line| dot_text(line)).collect::<Vec<_>>().join("\\n");
            let _ = writeln!(text, "    n{index} [label=\"{label}\", shape={shape}];");
        }
        for edge in &self.edges {
            let style = if edge.rejects { ", style=dashed" } else { "" };
            let _ = writeln!(text, "    n{} -> n{} [label=\"{}\"{style}];", edge.from, edge.to, dot_text(edge.label));
        }
        text + "}\n"
    }
}

impl GraphNode {
    /// The lines of its label: the name, what it is, and the notes.
    fn lines(&self) -> Vec<String> {
        if self.kind == NodeKind::DeadLetters {
            return vec![self.name.to_owned()];
        }
        let mut lines = vec![self.name.to_owned(), self.kind.as_str().to_owned()];
        if !self.notes.is_empty() {
            lines.push(self.notes.join(" · "));
        }
        lines
    }
}

fn node(stage: &StageDefinition) -> GraphNode {
    let kind = match stage.role {
        Role::Extractor => NodeKind::Extractor,
        Role::Transform => NodeKind::Transform,
        Role::Filter => NodeKind::Filter,
        Role::Loader => NodeKind::Loader,
    };
    let options = &stage.options;
    let mut notes = Vec::new();
    let mut note = |is: bool, text: &str| {
        if is {
            notes.push(text.to_owned());
        }
    };
    note(stage.is_async, "async");
    note(options.parallel, "parallel");
    note(stage.stateful, "stateful");
    note(stage.transactional, "transaction");
    note(matches!(stage.takes, Takes::Batch | Takes::BatchLent) && stage.role != Role::Loader, "whole batches");
    if let Some(batch) = options.batch {
        notes.push(format!("batch {batch}"));
    }
    if let Some(retries) = options.retries {
        notes.push(format!("retries {retries}"));
    }
    if options.validate_input || options.validate_output {
        notes.push("validates".to_owned());
    }
    GraphNode { name: stage.name, kind, notes }
}

fn mermaid_text(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

fn dot_text(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
