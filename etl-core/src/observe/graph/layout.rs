//! Where the nodes of a directed acyclic graph go, from left to right.
//!
//! A node stands one column right of the last node that feeds it. An edge that passes columns gets
//! a place in each of them, so that it runs between the nodes and not through them. Within a
//! column, nodes stand in the order of what feeds them, which keeps most edges from crossing.

use super::{Graph, NodeKind};

/// The size of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The centre of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// Where everything goes.
#[derive(Debug)]
pub(super) struct Layout {
    /// The centres of the nodes, by index.
    pub(super) nodes: Vec<Point>,
    /// For each edge, the points that it passes between its ends.
    pub(super) bends: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

const MARGIN: f64 = 16.0;
const ROW_GAP: f64 = 28.0;
const LANE: f64 = 14.0;
const DEAD_LETTERS_GAP: f64 = 56.0;

/// A place in a column: a node, or an edge that passes.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Node(usize),
    Passing { edge: usize },
}

/// Lays out the graph. `gap` is the space between two columns, for the labels of the edges.
pub(super) fn layout(graph: &Graph, sizes: &[Size], gap: f64) -> Layout {
    let ranks = ranks(graph);
    let columns = columns(graph, &ranks);
    let height_of = |place: &Place| match place {
        Place::Node(node) => sizes[*node].height,
        Place::Passing { .. } => LANE,
    };
    let column_height = |column: &Vec<Place>| column.iter().map(height_of).sum::<f64>() + ROW_GAP * column.len().saturating_sub(1) as f64;
    let tallest = columns.iter().map(column_height).fold(0.0, f64::max);

    let mut nodes = vec![Point::default(); graph.nodes.len()];
    let mut bends = vec![Vec::new(); graph.edges.len()];
    let mut x = MARGIN;
    for column in &columns {
        let width = column.iter().map(|place| if let Place::Node(node) = place { sizes[*node].width } else { 0.0 }).fold(0.0, f64::max);
        let mut y = MARGIN + (tallest - column_height(column)) / 2.0;
        for place in column {
            let height = height_of(place);
            let centre = Point { x: x + width / 2.0, y: y + height / 2.0 };
            match place {
                Place::Node(node) => nodes[*node] = centre,
                Place::Passing { edge, .. } => bends[*edge].push(centre),
            }
            y += height + ROW_GAP;
        }
        x += width + gap;
    }
    let mut layout = Layout { nodes, bends, width: x - gap + MARGIN, height: tallest + 2.0 * MARGIN };
    place_dead_letters(graph, sizes, &mut layout);
    layout
}

/// The dead letters stand below everything, under the middle of those who send to them.
fn place_dead_letters(graph: &Graph, sizes: &[Size], layout: &mut Layout) {
    let Some(dead) = graph.nodes.iter().position(|node| node.kind == NodeKind::DeadLetters) else { return };
    let senders: Vec<f64> = graph.edges.iter().filter(|edge| edge.to == dead).map(|edge| layout.nodes[edge.from].x).collect();
    let middle = senders.iter().sum::<f64>() / senders.len().max(1) as f64;
    let y = layout.height - MARGIN + DEAD_LETTERS_GAP + sizes[dead].height / 2.0;
    layout.nodes[dead] = Point { x: middle.max(MARGIN + sizes[dead].width / 2.0), y };
    layout.height = y + sizes[dead].height / 2.0 + MARGIN;
    layout.width = layout.width.max(layout.nodes[dead].x + sizes[dead].width / 2.0 + MARGIN);
}

/// The column of each node: the longest way to it. Edges lead to later columns, so as many rounds
/// as there are nodes are enough.
fn ranks(graph: &Graph) -> Vec<usize> {
    let mut ranks = vec![0; graph.nodes.len()];
    for _ in &graph.nodes {
        for edge in graph.edges.iter().filter(|edge| !edge.rejects) {
            ranks[edge.to] = ranks[edge.to].max(ranks[edge.from] + 1);
        }
    }
    ranks
}

fn columns(graph: &Graph, ranks: &[usize]) -> Vec<Vec<Place>> {
    let flow: Vec<_> = graph.edges.iter().enumerate().filter(|(_, edge)| !edge.rejects).collect();
    let last = graph
        .nodes
        .iter()
        .enumerate()
        .filter(|(_, node)| node.kind != NodeKind::DeadLetters)
        .map(|(index, _)| ranks[index])
        .max()
        .unwrap_or(0);
    let mut columns: Vec<Vec<Place>> = Vec::new();
    for rank in 0..=last {
        let mut column: Vec<Place> = Vec::new();
        column.extend(
            (0..graph.nodes.len()).filter(|node| ranks[*node] == rank && graph.nodes[*node].kind != NodeKind::DeadLetters).map(Place::Node),
        );
        column.extend(
            flow.iter()
                .filter(|(_, edge)| ranks[edge.from] < rank && rank < ranks[edge.to])
                .map(|(edge, _)| Place::Passing { edge: *edge }),
        );
        if let Some(before) = columns.last() {
            // A stable sort: what is fed from the same height keeps its order.
            column.sort_by(|a, b| fed_from(graph, before, *a).total_cmp(&fed_from(graph, before, *b)));
        }
        columns.push(column);
    }
    columns
}

/// The mean place in the column before of what feeds this place.
fn fed_from(graph: &Graph, before: &[Place], place: Place) -> f64 {
    let feeds = |other: &Place| match (place, *other) {
        (Place::Node(node), Place::Node(from)) => graph.edges.iter().any(|edge| edge.from == from && edge.to == node),
        (Place::Node(node), Place::Passing { edge }) => graph.edges[edge].to == node,
        (Place::Passing { edge }, Place::Node(from)) => graph.edges[edge].from == from,
        (Place::Passing { edge }, Place::Passing { edge: other }) => edge == other,
    };
    let feeding: Vec<f64> = before.iter().enumerate().filter(|(_, other)| feeds(other)).map(|(index, _)| index as f64).collect();
    if feeding.is_empty() { f64::MAX } else { feeding.iter().sum::<f64>() / feeding.len() as f64 }
}
