//! The colours of the style: what is written can be read.

use std::collections::BTreeMap;

use crate::http::page::STYLE;

/// WCAG's relative luminance of `#rrggbb`.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_text_stands_out_from_its_ground_by_day_and_by_night() {
    let blocks: Vec<&str> = STYLE.split(":root {").skip(1).filter_map(|rest| rest.split('}').next()).collect();
    assert_eq!(blocks.len(), 2, "one set of colours each for light and dark");
    for block in blocks {
        let colours: BTreeMap<&str, &str> = block
            .lines()
            .filter_map(|line| line.trim().trim_end_matches(';').split_once(": "))
            .filter(|(_, value)| value.starts_with('#'))
            .collect();
        let on = |text: &str, ground: &str, least: f64| {
            let seen = contrast(colours[text], colours[ground]);
            assert!(seen >= least, "{text} on {ground}: {seen:.2}, must be {least}");
        };
        for text in [
            "--ink",
            "--soft",
            "--accent",
            "--well",
            "--look",
            "--trouble",
            "--unknown",
            "--critical",
            "--high",
            "--medium",
            "--low",
        ] {
            on(text, "--sheet", 4.5);
            on(text, "--ground", 4.5);
        }
        for severity in ["--critical", "--high", "--medium", "--low"] {
            on(severity, &format!("{severity}-ground"), 4.5);
        }
        on("--on-accent", "--accent", 4.5);
        // what isn't text needs less
        on("--edge", "--sheet", 3.0);
        for bar in ["--young", "--old", "--unknown"] {
            on(bar, "--bar-ground", 3.0);
        }
    }
}
