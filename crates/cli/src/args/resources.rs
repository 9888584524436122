//! The flags of commands on resources in files.

use std::path::PathBuf;

use clap::Args;

use super::Format::{self, Csv, Json, Markdown, Table, Yaml};
use super::formats::formats;

/// `crds`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll crds | kubectl apply --server-side -f -\n  \
    plimsoll crds > crds.yaml")]
pub struct CrdsArgs {}

/// `lint`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll lint config.yaml profile.yaml\n  \
    plimsoll lint deploy/                             every .yaml, .yml and .json in the folder\n  \
    plimsoll convert -f old.yaml | plimsoll lint -\n\n\
    Exits 0 where nothing is wrong, 1 where something is.")]
pub struct LintArgs {
    /// Files or folders with our resources, in YAML or JSON; - is stdin
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How to write what is wrong
    #[arg(short, long, value_name = "FORMAT", default_value = "table", value_parser = formats(&[Table, Json, Yaml, Csv, Markdown]))]
    pub output: Format,
}

/// `convert`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    plimsoll convert -f old.yaml > new.yaml           what has no counterpart is named on stderr\n  \
    plimsoll convert -f old.yaml -n web | kubectl apply -f -\n\n\
    Taken are MigrationPlan, OptimizationProfile and WorkloadProfile of optimizer.io/v1, and the kinds of\n\
    optimizer.io/v1alpha1. What is not known is refused, and then nothing is written.")]
pub struct ConvertArgs {
    /// Files or folders with manifests; - is stdin
    #[arg(short = 'f', long = "filename", value_name = "FILE", required = true, num_args = 1..)]
    pub files: Vec<PathBuf>,
    /// The namespace of workloads that name none
    #[arg(short, long, value_name = "NAME", default_value = "default")]
    pub namespace: String,
}
