//! What the API server has said of our rights and of itself, for a minute.

use std::collections::HashMap;
use std::time::Instant;

use act::{may_patch, resizes_in_place};

use super::AGAIN;
use crate::context::Context;
use crate::error::OperatorError;

/// What the API server has said of us, for a minute.
#[derive(Default)]
pub struct Rights {
    since: Option<Instant>,
    in_place: Option<bool>,
    may: HashMap<(String, &'static str), bool>,
}

impl Rights {
    /// What was said longer ago is asked anew.
    fn freshen(&mut self) {
        if self.since.is_none_or(|since| since.elapsed() > AGAIN) {
            *self = Rights { since: Some(Instant::now()), ..Rights::default() };
        }
    }

    pub async fn in_place(&mut self, context: &Context) -> Result<bool, OperatorError> {
        self.freshen();
        if self.in_place.is_none() {
            let answer = resizes_in_place(&context.cluster).await;
            self.in_place = Some(answer.map_err(|refusal| refused("ask whether pods are resized in place", &refusal))?);
        }
        Ok(self.in_place == Some(true))
    }

    pub async fn may(
        &mut self,
        context: &Context,
        namespace: &str,
        (group, resource, subresource): (&'static str, &'static str, &'static str),
    ) -> Result<bool, OperatorError> {
        self.freshen();
        let key = (namespace.to_owned(), resource);
        if let Some(known) = self.may.get(&key) {
            return Ok(*known);
        }
        let answer = may_patch(&context.cluster, namespace, (group, resource, subresource)).await;
        let answer = answer.map_err(|refusal| refused("ask for our rights", &refusal))?;
        self.may.insert(key, answer);
        Ok(answer)
    }
}

fn refused(what: &str, refusal: &act::Refusal) -> OperatorError {
    OperatorError::Refused { what: what.to_owned(), problem: refusal.in_words() }
}
