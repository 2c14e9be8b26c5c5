use super::*;
use crate::observe::sample;

fn graph() -> Graph {
    Graph::of(&sample::outline())
}

#[test]
fn mermaid() {
    insta::assert_snapshot!(graph().render(Format::Mermaid));
}

#[test]
fn dot() {
    insta::assert_snapshot!(graph().render(Format::Dot));
}

#[test]
fn json() {
    insta::assert_snapshot!(graph().render(Format::Json));
}

#[test]
fn svg() {
    let text = graph().render(Format::Svg);
    if let Ok(path) = std::env::var("ETL_TEST_SVG") {
        std::fs::write(path, &text).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_graph_that_branches_and_joins_is_drawn_without_overlap() {
    let node = |name, kind| GraphNode { name, kind, notes: Vec::new() };
    let edge = |from, to| GraphEdge { from, to, label: "Flight", rejects: false };
    let graph = Graph {
        pipeline: "branching",
        nodes: vec![
            node("eu", NodeKind::Extractor),
            node("us", NodeKind::Extractor),
            node("clean", NodeKind::Transform),
            node("review", NodeKind::Transform),
            node("archive", NodeKind::Loader),
            node("table", NodeKind::Loader),
            node("quarantine", NodeKind::Loader),
        ],
        edges: vec![edge(0, 2), edge(1, 2), edge(2, 4), edge(2, 3), edge(3, 5), edge(3, 6), edge(0, 6)],
    };
    let sizes = vec![layout::Size { width: 100.0, height: 50.0 }; 7];
    let placed = layout::layout(&graph, &sizes, 60.0);
    for (index, a) in placed.nodes.iter().enumerate() {
        for b in &placed.nodes[index + 1..] {
            assert!((a.x - b.x).abs() >= 100.0 || (a.y - b.y).abs() >= 50.0, "{a:?} covers {b:?}");
        }
    }
    assert_eq!(placed.bends[6].len(), 2, "the edge from the first to the last column passes two columns");
    let text = graph.render(Format::Svg);
    if let Ok(path) = std::env::var("ETL_TEST_SVG") {
        std::fs::write(path.replace(".svg", "-branching.svg"), &text).unwrap();
    }
    assert_eq!(text.matches("<rect").count(), 7);
}
