//! What the commands print, word for word, on a small cluster.

mod common;

use common::on_small;

macro_rules! golden {
    ($($test:ident: $arguments:literal => $code:literal,)*) => {
        $(
            #[test]
            fn $test() {
                let run = on_small($arguments);
                assert_eq!(run.code, $code, "{}", run.stderr);
                insta::assert_snapshot!(stringify!($test), run.stdout, $arguments);
            }
        )*
    };
}

golden! {
    simulate_as_a_table: "simulate" => 0,
    simulate_as_a_wide_table: "simulate -o wide" => 0,
    simulate_as_json: "simulate -o json" => 0,
    simulate_as_yaml: "simulate -o yaml" => 0,
    simulate_as_markdown: "simulate -o markdown" => 0,
    simulate_as_csv: "simulate -o csv" => 0,
    simulate_with_a_safety_threshold: "simulate --safety conservative --max-moves-per-wave 1" => 0,
    simulate_within_some_moves: "simulate --max-moves 3" => 0,
    simulate_where_moves_are_dear: "simulate --min-savings-per-move 30" => 0,
    simulate_where_too_little_is_saved: "simulate --min-savings 500" => 0,
    simulate_as_a_curve: "simulate --curve" => 0,
    simulate_as_a_curve_in_json: "simulate --curve -o json" => 0,
    simulate_as_a_curve_in_csv: "simulate --curve -o csv" => 0,
    simulate_by_several_strategies: "simulate --compare first-fit,best-fit,search" => 0,
    simulate_by_several_strategies_as_json: "simulate --compare first-fit,search -o json" => 0,
    simulate_with_what_constraints_cost: "simulate --constraints" => 0,
    simulate_with_what_constraints_cost_as_csv: "simulate --constraints -o csv" => 0,
    simulate_with_what_constraints_cost_as_markdown: "simulate --constraints -o markdown" => 0,
    simulate_what_if: "simulate --what-if growth=50% --what-if growth=0% --what-if without-zone=us-east-1a+growth=10% --what-if without-budget=data/queue --what-if only-family=m5" => 0,
    simulate_what_if_as_json: "simulate --what-if growth=50% -o json" => 0,
    simulate_what_if_as_csv: "simulate --what-if without-zone=us-east-1a -o csv" => 0,
    simulate_as_a_name: "simulate -o name" => 0,
    analyze_as_a_table: "analyze" => 0,
    analyze_as_markdown: "analyze -o markdown" => 0,
    analyze_as_json: "analyze -o json" => 0,
    analyze_nodes_wide: "analyze --by node -o wide" => 0,
    analyze_workloads_of_a_namespace_as_csv: "analyze --by workload -n web -o csv" => 0,
    analyze_namespaces_as_names: "analyze --by namespace -o name" => 0,
    fit_as_a_table: "fit -n web -l app!=agent" => 0,
    fit_as_json: "fit -o json" => 0,
    doctor_as_a_table: "doctor" => 0,
    prices_as_a_table: "prices" => 0,
    prices_as_csv: "prices -o csv" => 0,
    explain_a_pod: "explain pod web/api-6d4f-a" => 0,
    explain_a_pod_as_json: "explain pod -n data queue-6d4f-a -o json" => 0,
    explain_a_pod_that_a_limit_keeps: "explain pod web/api-6d4f-a --min-replicas 9" => 0,
    explain_a_pair_with_every_rule: "explain pod web/waiting --node cp-1" => 0,
    explain_a_node: "explain node b-2" => 0,
}
