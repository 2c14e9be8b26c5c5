//! What a canary looks like, and the net in which none may be caught.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Every text that is a canary begins with this. It holds what URLs and JSON escape, too.
pub const BIRD: &str = "Kanarie";
/// Every number that is a canary begins with these digits, and has three more.
pub const FLOCK: &str = "80861977";

/// The canary of this name.
pub fn text(name: impl std::fmt::Display) -> String {
    format!("{BIRD}+{name}/x")
}

/// The canary of this number, below a thousand.
pub fn number(number: u64) -> u64 {
    FLOCK.parse::<u64>().unwrap() * 1_000 + number
}

/// A place where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit {
    /// How it is written there.
    pub form: &'static str,
    /// What stands there.
    pub context: String,
}

/// A form of writing, and whether upper and lower case are the same in it.
type Form = (&'static str, Vec<u8>, bool);

/// All forms in which a canary is recognised.
fn forms() -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    for marker in [BIRD, FLOCK] {
        let each = |write: fn(u8) -> String, between: &str| marker.bytes().map(write).collect::<Vec<_>>().join(between).into_bytes();
        forms.push(("as it is, in any case", marker.to_ascii_lowercase().into_bytes(), true));
        forms.push(("backwards, in any case", marker.to_ascii_lowercase().bytes().rev().collect(), true));
        forms.push(("hex", each(|byte| format!("{byte:02x}"), ""), true));
        forms.push(("URL-encoded", each(|byte| format!("%{byte:02x}"), ""), true));
        forms.push(("escaped as JSON", each(|byte| format!("\\u{byte:04x}"), ""), true));
        forms.push(("a list of bytes", each(|byte| byte.to_string(), ", "), false));
        forms.push(("a list of bytes", each(|byte| byte.to_string(), ","), false));
        for before in 0..3 {
            // The first and the last digit may also hold bits of what stands beside it.
            let encoded = STANDARD.encode([&[0; 2][..before], marker.as_bytes()].concat());
            let (first, last) = ((before * 8).div_ceil(6), (before + marker.len()) * 8 / 6);
            forms.push(("base64", encoded.as_bytes()[first..last].to_vec(), false));
        }
    }
    for grouped in ["80,861,977", "80_861_977", "80 861 977", "8.0861977"] {
        forms.push(("a number for people", grouped.as_bytes().to_vec(), false));
    }
    forms
}

/// All canaries in `bytes`.
pub fn hits(bytes: &[u8]) -> Vec<Hit> {
    let lower = bytes.to_ascii_lowercase();
    let mut hits = Vec::new();
    for (form, needle, any_case) in forms() {
        for at in places(if any_case { &lower } else { bytes }, &needle) {
            let context = &bytes[at.saturating_sub(60)..bytes.len().min(at + needle.len() + 30)];
            hits.push(Hit { form, context: String::from_utf8_lossy(context).into_owned() });
        }
    }
    hits
}

/// The different canaries in `bytes`, as they are.
pub fn canaries(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let told = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'+').copied().collect();
    [BIRD, FLOCK].into_iter().flat_map(|marker| places(bytes, marker.as_bytes())).map(told).collect()
}

fn places<'b>(bytes: &'b [u8], needle: &'b [u8]) -> impl Iterator<Item = usize> + 'b {
    memchr::memmem::find_iter(bytes, needle)
}

/// The control: a canary is found in every form, wherever it stands, and nothing is found where there is none.
#[test]
fn a_canary_is_found_in_every_form() {
    let canary = text("c7");
    let percent: String = canary.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let hex: String = canary.bytes().map(|byte| format!("{byte:02X}")).collect();
    let swapped: String = canary.chars().map(|c| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect();
    let escaped: String = canary.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let backwards: String = canary.chars().rev().collect();
    let mut planted = vec![
        canary.clone(),
        canary.replace('+', "%2B").replace('/', "%2F"),
        percent,
        hex.clone(),
        hex.to_ascii_lowercase(),
        swapped,
        canary.to_ascii_uppercase(),
        escaped,
        backwards,
        format!("{:?}", canary.as_bytes()),
        serde_json::to_string(canary.as_bytes()).unwrap(),
        format!("{:?}", Some(&canary)),
        number(7).to_string(),
        format!("{:e}", number(7) as f64),
        "80,861,977,007".to_owned(),
    ];
    for before in 0..6 {
        let around = [&b"abcdef"[..before], canary.as_bytes(), b" and more"].concat();
        planted.push(STANDARD.encode(&around));
        planted.push(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&around));
        planted.push(STANDARD.encode([&b"abcdef"[..before], number(7).to_string().as_bytes()].concat()));
    }
    let noise = "{\"level\":\"TRACE\",\"fields\":{\"message\":\"the run starts\",\"source\":\"/tmp/x/source/input.csv\"}}\n";
    assert_eq!(hits(noise.repeat(100).as_bytes()), []);
    for leak in planted {
        assert!(!hits(format!("{noise}told: {leak}\n{noise}").as_bytes()).is_empty(), "not found: {leak}");
    }
}
