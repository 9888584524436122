//! Who chooses requests: a strategy of ours, or the endpoint that the operator was given, which is asked beforehand.

use std::sync::Arc;

use engine::rightsizing::answers::{Answer, Answers, Question, ResourceQuestion, questions};
use engine::rightsizing::{Chooser, ContainerAdvice, Resource, Strategy, rightsize_by, sort_by_urgency};
use model::{Snapshot, WorkloadRef};
use observe::HttpError;
use observe::strategy_endpoint::{
    Answered, AskedContainer, AskedResource, ContainerName, ask_strategy_endpoint, check_strategy_endpoint,
};
use observe::usage::EndpointOptions;

use super::providers::{Read, Unknown, within};
use super::terms::Terms;
use crate::context::Context;
use crate::error::OperatorError;

/// Who chooses requests.
#[derive(Clone, Copy)]
pub enum Chosen {
    /// One of ours.
    Ours(&'static dyn Strategy),
    /// The endpoint.
    Endpoint,
}

/// What the policy's workloads should ask for, the most urgent first.
pub async fn advise(
    context: &Context,
    terms: &Terms,
    snapshot: &Arc<Snapshot>,
    read: &Arc<Read>,
    meant: Vec<WorkloadRef>,
) -> Result<Result<Vec<ContainerAdvice>, Unknown>, OperatorError> {
    let answers = match terms.chosen {
        Chosen::Ours(_) => Answers::new(),
        Chosen::Endpoint => match answers(context, terms, snapshot, read, &meant).await? {
            Ok(answers) => answers,
            Err(unknown) => return Ok(Err(unknown)),
        },
    };
    let prices = context.cluster.prices(snapshot);
    let (of, with, at) = (snapshot.clone(), read.clone(), terms.clone());
    let work = move || {
        let chooser = match at.chosen {
            Chosen::Ours(strategy) => Chooser::Strategy(strategy),
            Chosen::Endpoint => Chooser::Answers(&answers),
        };
        let mut advice = rightsize_by(&of, &prices, &with.used, chooser, &at.settings);
        // The snapshot's workloads are in the order of their names.
        advice.retain(|container| meant.binary_search(&container.workload).is_ok());
        sort_by_urgency(&mut advice);
        advice
    };
    aside(work).await.map(Ok)
}

async fn answers(
    context: &Context,
    terms: &Terms,
    snapshot: &Arc<Snapshot>,
    read: &Arc<Read>,
    meant: &[WorkloadRef],
) -> Result<Result<Answers, Unknown>, OperatorError> {
    let Some(options) = &context.settings.rightsizing.strategy_endpoint else {
        let problem = "the operator was given no endpoint: start it with --strategy-endpoint URL".to_owned();
        return Ok(Err(Unknown { reason: "StrategyMissing", problem }));
    };
    let (of, with, at, meant) = (snapshot.clone(), read.clone(), terms.clone(), meant.to_vec());
    let is_meant = move |workload: &WorkloadRef| meant.binary_search(workload).is_ok();
    let questions = aside(move || questions(&of, &with.used, &at.settings, is_meant)).await?;
    if questions.is_empty() {
        return Ok(Ok(Answers::new()));
    }
    let options = EndpointOptions { window_seconds: terms.settings.window_seconds, ..options.clone() };
    let missing = |problem| Unknown { reason: "StrategyMissing", problem };
    let answered = within(ask(&options, &questions)).await.map_err(missing);
    Ok(answered.and_then(|answers| answers.map_err(|error| missing(observe::in_full(&error)))))
}

async fn ask(options: &EndpointOptions, questions: &[Question]) -> Result<Answers, HttpError> {
    check_strategy_endpoint(options).await?;
    Ok(answered(ask_strategy_endpoint(options, &asked(questions)).await?))
}

/// What is long to compute keeps nobody else waiting.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, OperatorError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| OperatorError::Refused { what: "rightsize".to_owned(), problem: error.to_string() })
}

/// Questions as the endpoint takes them.
pub fn asked(questions: &[Question]) -> Vec<AskedContainer> {
    let one = |question: &Question| AskedContainer {
        name: ContainerName {
            namespace: question.workload.namespace.to_string(),
            kind: question.workload.kind.to_string(),
            name: question.workload.name.to_string(),
            container: question.container.to_string(),
        },
        pods: question.pods,
        cpu: question.of[Resource::Cpu.index()].as_ref().map(resource),
        memory: question.of[Resource::Memory.index()].as_ref().map(resource),
    };
    questions.iter().map(one).collect()
}

fn resource(question: &ResourceQuestion) -> AskedResource {
    AskedResource {
        request: question.asked,
        limit: question.limit,
        p50: question.percentiles.p50,
        p90: question.percentiles.p90,
        p99: question.percentiles.p99,
        highest: question.percentiles.highest,
        samples: question.samples.samples().iter().map(|sample| (sample.at.0, sample.amount)).collect(),
    }
}

/// Answers as the engine takes them.
pub fn answered(answered: Answered) -> Answers {
    let one = |(name, of): (ContainerName, [Result<_, String>; 2])| {
        let workload = WorkloadRef {
            kind: name.kind.as_str().into(),
            namespace: name.namespace.as_str().into(),
            name: name.name.as_str().into(),
        };
        let answer = |of: observe::strategy_endpoint::AnsweredResource| Answer {
            amount: of.amount,
            confidence: of.confidence,
            explanation: of.explanation,
        };
        ((workload, name.container.as_str().into()), of.map(|of| of.map(answer)))
    };
    answered.into_iter().map(one).collect()
}
