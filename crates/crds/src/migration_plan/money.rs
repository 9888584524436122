//! Money in JSON is dollars as a number; in the model it is whole nano-dollars. Both ways are exact up to the limit.

use model::UsdPerHour;

use super::error::PlanError;

/// Up to here a double tells two amounts apart that differ by a nano-dollar.
const LARGEST_DOLLARS: f64 = 2e6;

const NANOS: f64 = 1e9;

/// The amount, or what is wrong with the number.
pub(super) fn usd_per_hour(dollars: f64, field: impl FnOnce() -> String) -> Result<UsdPerHour, PlanError> {
    let wrong = if !dollars.is_finite() {
        format!("{dollars} is no amount of money")
    } else if dollars < 0.0 {
        format!("{dollars} is below zero")
    } else if dollars > LARGEST_DOLLARS {
        format!("{dollars} is above two million dollars an hour")
    } else {
        return Ok(UsdPerHour::from_nanos((dollars * NANOS).round() as i64));
    };
    Err(PlanError::field(field(), wrong))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_comes_back_to_the_nano() {
        for nanos in [0, 1, 999_999_999, 192_000_001, 2_000_000_000_000_000, 1_999_999_999_999_999] {
            let amount = UsdPerHour::from_nanos(nanos);
            assert_eq!(usd_per_hour(amount.dollars(), String::new), Ok(amount));
        }
    }

    #[test]
    fn nonsense_is_named_with_its_field() {
        for dollars in [f64::NAN, f64::INFINITY, -0.01, 1e12] {
            let error = usd_per_hour(dollars, || "spec.x".to_owned()).unwrap_err();
            assert!(error.to_string().starts_with("spec.x: "), "{error}");
        }
    }
}
