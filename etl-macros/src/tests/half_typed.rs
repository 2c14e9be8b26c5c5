//! While it is being typed, a function must stay: completion works on what is there.

use super::{pretty, tokens};
use crate::role::Role;

#[test]
fn i9_a_body_that_is_half_typed_is_passed_on() {
    for body in ["{ raw. }", "{ if raw.x }", "{ let x = }", "{ match raw { A => }  }"] {
        let item = format!("fn clean(raw: Raw) -> Clean {body}");
        let (expanded, errors) = crate::stage::expand(Role::Transform, tokens("parallel"), tokens(&item));
        assert!(super::listed(errors).is_empty(), "the body is the compiler's to complain about");
        assert!(expanded.to_string().starts_with(&tokens(&item).to_string()));
        assert!(expanded.to_string().contains("struct clean"), "the stage is there all the same");
    }
}

#[test]
fn i9_a_signature_that_is_half_typed_is_passed_on() {
    for item in ["fn clean(raw: ) -> Clean {}", "fn clean(raw: Raw, ) -> {}", "fn clean", "fn", "async"] {
        let (expanded, errors) = crate::stage::expand(Role::Transform, tokens("parallel"), tokens(item));
        assert_eq!(expanded.to_string(), tokens(item).to_string());
        assert_eq!(super::listed(errors).len(), 1, "{item}");
    }
}

#[test]
fn options_that_are_half_typed_do_not_hide_the_stage() {
    for options in ["par", "batch =", "batch = ,", "validate(", "retries = 3, "] {
        let Ok(options) = options.parse() else { continue };
        let (expanded, errors) = crate::stage::expand(Role::Transform, options, tokens("fn clean(raw: Raw) -> Clean { raw }"));
        drop(super::listed(errors));
        assert!(expanded.to_string().contains("struct clean"));
        pretty(expanded);
    }
}

#[test]
fn a_pipeline_that_is_half_typed_is_a_type_all_the_same() {
    for clauses in [
        "",
        "flow",
        "flow:",
        "flow: a",
        "flow: a =>",
        "flow: a => b, set",
        "settings: , flow: a => b",
        "flow: a => [b, c",
        "dead_letter: file(",
    ] {
        let Ok(body) = format!("/// Doc. \n pub Orders {{ {clauses} }}").parse() else { continue };
        let (expanded, errors) = crate::pipeline::expand(body);
        assert!(!super::listed(errors).is_empty(), "{clauses}");
        let text = pretty(expanded);
        assert!(text.contains("pub struct Orders {}") && text.contains("Pipeline for Orders"), "{clauses}: {text}");
    }
}
