//! What `docs/operations.md` and the files beside it say is what the server measures.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests say what they expect and stop at the first surprise"
)]

use prometheus_client::metrics::MetricType;
use server::metrics::{REGISTER, table};
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../docs/operations.md");
const DASHBOARD: &str = include_str!("../../docs/operations/grafana-dashboard.json");
const ALERTS: &str = include_str!("../../docs/operations/alerts.yml");

#[test]
fn the_page_lists_all_metrics() {
    assert!(PAGE.contains(&table()), "put this table into docs/operations.md:\n{}", table());
}

/// The names of metrics in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '_');
    words.filter(|word| word.starts_with("roster_")).collect()
}

/// The names under which Prometheus has the metrics.
fn asked_for() -> BTreeSet<String> {
    let names = REGISTER.iter().flat_map(|listed| {
        let name = listed.name();
        if listed.kind == MetricType::Histogram {
            ["bucket", "sum", "count"].map(|part| format!("{name}_{part}")).to_vec()
        } else {
            vec![name]
        }
    });
    names.collect()
}

#[test]
fn dashboard_and_alerts_ask_for_what_there_is() {
    let there = asked_for();
    for (file, text, least) in [("grafana-dashboard.json", DASHBOARD, 20), ("alerts.yml", ALERTS, 10)] {
        let found = named(text);
        assert!(found.len() >= least, "{file}: {found:?}");
        for name in found {
            assert!(there.contains(name), "{file} asks for {name}, which is not measured");
        }
    }
}

#[test]
fn the_dashboard_is_json_and_shows_every_metric() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"][0]["expr"].is_string()));
    let shown = named(DASHBOARD);
    let unshown: Vec<_> = REGISTER
        .iter()
        .filter(|listed| !shown.iter().any(|name| name.starts_with(&listed.name())))
        .map(server::metrics::Listed::name)
        .collect();
    // The start of the process is for alerts.
    assert_eq!(unshown, ["roster_process_start_time_seconds"]);
}
