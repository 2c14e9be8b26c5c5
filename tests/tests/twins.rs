//! Each wrong program of the compile-fail suite has a legal twin, `ui/pass/<class>/<name>.rs`: the same
//! program with the mistake mended as the message proposes. What compiles here is what the messages
//! promise, and that nothing is refused which is legal.
#![allow(dead_code, reason = "no twin is run, and a stage outside of a pipeline is not used")]
#![allow(unreachable_pub, reason = "a twin is a program of its own, in which `pub` is right")]

include!(concat!(env!("OUT_DIR"), "/twins.rs"));
