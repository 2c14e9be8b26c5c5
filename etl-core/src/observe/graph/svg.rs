//! The graph as a picture, without graphviz and without a script. It has no background, and its
//! colours are readable on light and on dark.

use std::fmt::Write as _;

use super::layout::{Layout, Point, Size, layout};
use super::{Graph, GraphEdge, GraphNode, NodeKind};

const NAME_CHARACTER: f64 = 8.6;
const NOTE_CHARACTER: f64 = 6.5;
const LINE: f64 = 17.0;
const PADDING: f64 = 14.0;

/// Draws the graph.
pub(super) fn draw(graph: &Graph) -> String {
    let sizes: Vec<_> = graph.nodes.iter().map(size).collect();
    let label = graph.edges.iter().filter(|edge| !edge.rejects).map(|edge| label_width(edge.label)).fold(0.0, f64::max);
    let branches =
        graph.nodes.iter().enumerate().any(|(node, _)| graph.edges.iter().filter(|edge| edge.from == node && !edge.rejects).count() > 1);
    let joins =
        graph.nodes.iter().enumerate().any(|(node, _)| graph.edges.iter().filter(|edge| edge.to == node && !edge.rejects).count() > 1);
    // A label beside a curve needs more room than one above a straight line.
    let gap = if branches || joins { label * 1.5 + 48.0 } else { label.max(24.0) + 28.0 };
    let layout = layout(graph, &sizes, gap);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\" font-family=\"system-ui, sans-serif\">\n\
         <title>{}</title>\n\
         <defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\">\
         <path d=\"M0 0L8 4L0 8z\" fill=\"#64748b\"/></marker></defs>\n",
        escaped(graph.pipeline),
        w = layout.width,
        h = layout.height,
    );
    for (index, edge) in graph.edges.iter().enumerate() {
        draw_edge(&mut text, graph, edge, &layout.bends[index], &layout, &sizes);
    }
    for ((node, size), at) in graph.nodes.iter().zip(&sizes).zip(&layout.nodes) {
        draw_node(&mut text, node, *size, *at);
    }
    text + "</svg>\n"
}

fn draw_node(text: &mut String, node: &GraphNode, size: Size, at: Point) {
    let (fill, border) = colours(node.kind);
    let (x, y) = (at.x - size.width / 2.0, at.y - size.height / 2.0);
    let dash = if node.kind == NodeKind::DeadLetters { " stroke-dasharray=\"4 3\"" } else { "" };
    let _ = writeln!(
        text,
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"1.5\"{dash}/>",
        size.width, size.height
    );
    for (index, line) in node.lines().iter().enumerate() {
        let style = match index {
            0 => "font-size=\"14\" font-weight=\"600\" fill=\"#0f172a\"".to_owned(),
            1 => format!("font-size=\"12\" fill=\"{border}\""),
            _ => "font-size=\"12\" fill=\"#475569\"".to_owned(),
        };
        let baseline = y + PADDING * 0.7 + LINE * (index as f64 + 0.75);
        let _ = writeln!(text, "<text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"middle\" {style}>{}</text>", at.x, escaped(line));
    }
}

fn draw_edge(text: &mut String, graph: &Graph, edge: &GraphEdge, bends: &[Point], layout: &Layout, sizes: &[Size]) {
    let (from, to) = (layout.nodes[edge.from], layout.nodes[edge.to]);
    let dash = if edge.rejects { " stroke-dasharray=\"5 4\"" } else { "" };
    let path = if edge.rejects {
        let start = Point { x: from.x, y: from.y + sizes[edge.from].height / 2.0 };
        let end = arrival(graph, edge, to, sizes[edge.to]);
        format!("M{:.1} {:.1}{}", start.x, start.y, curve_down(start, end))
    } else {
        let mut at = Point { x: from.x + sizes[edge.from].width / 2.0, y: from.y };
        let mut path = format!("M{:.1} {:.1}", at.x, at.y);
        let end = Point { x: to.x - sizes[edge.to].width / 2.0 - 1.0, y: to.y };
        for next in bends.iter().copied().chain([end]) {
            path += &curve_right(at, next);
            at = next;
        }
        path
    };
    let _ = writeln!(text, "<path d=\"{path}\" fill=\"none\" stroke=\"#64748b\" stroke-width=\"1.5\" marker-end=\"url(#arrow)\"{dash}/>");
    if edge.label.is_empty() || edge.rejects {
        return;
    }
    // At the end that no other edge shares, on the side from which the curve does not come.
    let shared_end = graph.edges.iter().filter(|other| other.to == edge.to && !other.rejects).count() > 1;
    let (start, end) = (from.x + sizes[edge.from].width / 2.0, to.x - sizes[edge.to].width / 2.0);
    let (near, far) = if shared_end { (from, bends.first().unwrap_or(&to)) } else { (to, bends.last().unwrap_or(&from)) };
    let half = label_width(edge.label) / 2.0;
    let x = if (near.y - far.y).abs() < 1.0 {
        let (left, right) = (bends.last().map_or(start, |bend| bend.x), end);
        f64::midpoint(if shared_end { start } else { left }, if shared_end { bends.first().map_or(end, |bend| bend.x) } else { right })
            - 2.0
    } else if shared_end {
        start + half + 6.0
    } else {
        end - half - 12.0
    };
    let y = if far.y > near.y - 1.0 { near.y - 7.0 } else { near.y + 16.0 };
    let _ = writeln!(
        text,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" font-size=\"12\" fill=\"#64748b\">{}</text>",
        escaped(edge.label)
    );
}

/// Edges to the dead letters arrive beside each other.
fn arrival(graph: &Graph, edge: &GraphEdge, to: Point, size: Size) -> Point {
    let senders: Vec<_> = graph.edges.iter().filter(|other| other.to == edge.to).map(|other| other.from).collect();
    let place = senders.iter().position(|from| *from == edge.from).unwrap_or(0) as f64;
    let step = size.width / (senders.len() + 1) as f64;
    Point { x: to.x - size.width / 2.0 + step * (place + 1.0), y: to.y - size.height / 2.0 - 1.0 }
}

fn curve_right(from: Point, to: Point) -> String {
    let middle = f64::midpoint(from.x, to.x);
    format!("C{middle:.1} {:.1} {middle:.1} {:.1} {:.1} {:.1}", from.y, to.y, to.x, to.y)
}

fn curve_down(from: Point, to: Point) -> String {
    let middle = f64::midpoint(from.y, to.y);
    format!("C{:.1} {middle:.1} {:.1} {middle:.1} {:.1} {:.1}", from.x, to.x, to.x, to.y)
}

fn size(node: &GraphNode) -> Size {
    let lines = node.lines();
    let widths = lines
        .iter()
        .enumerate()
        .map(|(index, line)| line.chars().count() as f64 * if index == 0 { NAME_CHARACTER } else { NOTE_CHARACTER });
    Size { width: (widths.fold(0.0, f64::max) + 2.0 * PADDING).max(96.0), height: lines.len() as f64 * LINE + 1.4 * PADDING }
}

fn label_width(label: &str) -> f64 {
    label.chars().count() as f64 * NOTE_CHARACTER
}

fn colours(kind: NodeKind) -> (&'static str, &'static str) {
    match kind {
        NodeKind::Extractor => ("#e0f2fe", "#0369a1"),
        NodeKind::Transform => ("#ecfdf5", "#047857"),
        NodeKind::Filter => ("#fefce8", "#a16207"),
        NodeKind::Loader => ("#ede9fe", "#6d28d9"),
        NodeKind::DeadLetters => ("#fef2f2", "#b91c1c"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
