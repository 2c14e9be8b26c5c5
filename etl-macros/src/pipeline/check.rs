//! What can be wrong with a graph whatever its stages are. What depends on them is asked of the
//! compiler, in the expansion.

use super::model::Pipeline;
use crate::ctx::{first_span, text_of};
use crate::diag::Errors;
use crate::messages;

pub(super) fn check(pipeline: &Pipeline, errors: &mut Errors) {
    let (name, graph) = (pipeline.name.to_string(), &pipeline.graph);
    for (span, what) in &graph.later {
        errors.at(*span, what);
    }
    if let ([only], true) = (graph.nodes.as_slice(), graph.later.is_empty()) {
        errors.on(&only.path, messages::too_short(&name, &only.name()));
    }
    for (at, node) in graph.nodes.iter().enumerate() {
        let text = text_of(&node.path);
        if let Some(first) = graph.nodes[..at].iter().find(|first| text_of(&first.path) == text) {
            errors.on(&node.path, messages::stage_twice(&text, &name, first_span(&first.path)));
        }
    }
}
