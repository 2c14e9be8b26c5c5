//! Real pipelines on real data.
