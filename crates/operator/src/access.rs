//! Who may read metrics beyond the loopback address: whoever the API server knows by their token, and lets read them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use k8s_openapi::api::authentication::v1::{TokenReview, TokenReviewSpec};
use k8s_openapi::api::authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::Api;
use kube::api::PostParams;

use crate::context::Context;

/// An answer of the API server holds for so long: a scrape every 15 seconds asks it once a minute.
const HOLDS: Duration = Duration::from_secs(60);
/// So many answers are kept; more tokens than that are somebody guessing.
const MOST_KEPT: usize = 1_000;
/// Tokens are a kilobyte or two.
const LONGEST_TOKEN: usize = 16 << 10;

/// What the API server has answered lately, by token.
#[derive(Default)]
pub struct Access {
    answers: Mutex<HashMap<String, (Instant, StatusCode)>>,
}

impl Access {
    /// May whoever shows this header read metrics? 200, 401, 403, or 503 where nobody can tell.
    pub async fn judge(&self, context: &Context, authorization: Option<&str>) -> StatusCode {
        let token = authorization.and_then(|header| header.strip_prefix("Bearer "));
        let Some(token) = token.filter(|token| token.len() <= LONGEST_TOKEN) else { return StatusCode::UNAUTHORIZED };
        {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.retain(|_, (since, _)| since.elapsed() < HOLDS);
            if let Some((_, answer)) = answers.get(token) {
                return *answer;
            }
            if answers.len() >= MOST_KEPT {
                return StatusCode::SERVICE_UNAVAILABLE;
            }
        }
        let answer = ask(context, token).await.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        if answer != StatusCode::SERVICE_UNAVAILABLE {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.insert(token.to_owned(), (Instant::now(), answer));
        }
        answer
    }
}

/// `None` where the API server does not say.
async fn ask(context: &Context, token: &str) -> Option<StatusCode> {
    let params = PostParams::default();
    let reviews: Api<TokenReview> = Api::all(context.client());
    let spec = TokenReviewSpec { token: token.to_owned(), ..TokenReviewSpec::default() };
    let review = TokenReview { spec, ..TokenReview::default() };
    let status = context.cluster.answer(reviews.create(&params, &review)).await.ok()?.status?;
    let Some(user) = status.user.filter(|_| status.authenticated == Some(true)) else {
        return Some(StatusCode::UNAUTHORIZED);
    };
    let attributes = NonResourceAttributes { path: Some("/metrics".to_owned()), verb: Some("get".to_owned()) };
    let spec = SubjectAccessReviewSpec {
        user: user.username,
        groups: user.groups,
        uid: user.uid,
        non_resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    let reviews: Api<SubjectAccessReview> = Api::all(context.client());
    let status = context.cluster.answer(reviews.create(&params, &review)).await.ok()?.status?;
    Some(if status.allowed { StatusCode::OK } else { StatusCode::FORBIDDEN })
}
