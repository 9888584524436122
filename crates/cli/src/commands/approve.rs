//! `plimsoll approve`: agrees to a plan or a recommendation that waits.

use ::operator::{Approved, Outside};

use crate::args::ApproveArgs;
use crate::commands::{apply, operator};
use crate::failure::{Exit, Failure};
use crate::{input, talk};

/// What kubectl calls recommendations.
const RECOMMENDATION: [&str; 3] = ["optrec", "optimizationrecommendation", "optimizationrecommendations"];
const PLAN: [&str; 3] = ["mplan", "migrationplan", "migrationplans"];

/// Runs it.
pub fn run(args: &ApproveArgs) -> Result<Exit, Failure> {
    let what = what(args)?;
    apply::runtime()?.block_on(async {
        let outside = Outside::connect(&input::live_options(&args.live)).await.map_err(operator::failure)?;
        let by = outside.approve(&what).await.map_err(operator::failure)?;
        let shown = match &what {
            Approved::Plan { name } => format!("plan {name}"),
            Approved::Recommendation { namespace, name } => format!("recommendation {namespace}/{name}"),
        };
        talk::note(format!("{shown} is approved by {by}; plimsoll status --watch shows how far it comes"));
        Ok(Exit::Done)
    })
}

/// NAME of a plan, or KIND/NAME.
fn what(args: &ApproveArgs) -> Result<Approved, Failure> {
    let Some((kind, name)) = args.what.split_once('/') else { return Ok(Approved::Plan { name: args.what.clone() }) };
    let kind = kind.to_ascii_lowercase();
    if PLAN.contains(&&*kind) {
        return Ok(Approved::Plan { name: name.to_owned() });
    }
    if RECOMMENDATION.contains(&&*kind) {
        let namespace = args.namespace.clone().unwrap_or_else(|| "default".to_owned());
        return Ok(Approved::Recommendation { namespace, name: name.to_owned() });
    }
    let failure = Failure::usage(format!("nobody approves a {kind}"));
    Err(failure.hint("give the name of a plan, or optrec/NAME with -n NAMESPACE"))
}
