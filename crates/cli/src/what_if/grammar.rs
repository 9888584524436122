//! `growth=20%+without-zone=us-east-1a`: terms of one scenario joined by `+`, values of one term by commas.

use engine::what_if::{Premise, Rule};
use model::WorkloadRef;

use super::{Scenario, Term};

/// What a term may be called, with what it takes.
const TERMS: [(&str, &str); 12] = [
    ("growth", "growth=20%"),
    ("without-zone", "without-zone=us-east-1a"),
    ("without-family", "without-family=t3,m5"),
    ("only-family", "only-family=m6i,c6i"),
    ("spot", "spot=50%"),
    ("prices", "prices=FILE.csv"),
    ("node-pool", "node-pool=FILE.yaml"),
    ("requests", "requests=FILE.csv"),
    ("without-budget", "without-budget=NAMESPACE/NAME"),
    ("without-affinity", "without-affinity=NAMESPACE/KIND/NAME"),
    ("without-node-affinity", "without-node-affinity=NAMESPACE/KIND/NAME"),
    ("without-spread", "without-spread=NAMESPACE/KIND/NAME"),
];

/// Growth beyond this is a slip of the finger.
const MOST_GROWTH: u32 = 1_000;

/// Reads one scenario.
pub fn parse(text: &str) -> Result<Scenario, String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split('+') {
        // A plus in a file's name begins no term.
        match parts.last_mut() {
            Some(last) if !part.contains('=') => *last = format!("{last}+{part}"),
            _ => parts.push(part.to_owned()),
        }
    }
    let terms = parts.iter().map(|part| term(part.trim())).collect::<Result<Vec<Term>, String>>()?;
    Ok(Scenario { name: text.to_owned(), terms })
}

fn term(text: &str) -> Result<Term, String> {
    let forms: Vec<&str> = TERMS.iter().map(|(_, form)| *form).collect();
    let unknown = || format!("`{text}` is no premise; there are {}", forms.join(", "));
    let (name, value) = text.split_once('=').ok_or_else(unknown)?;
    let form = TERMS.iter().find(|(known, _)| *known == name).map(|(_, form)| *form).ok_or_else(unknown)?;
    let value = value.trim();
    let wrong = || format!("`{text}` lacks a value; write it as {form}");
    if value.is_empty() {
        return Err(wrong());
    }
    let list = || value.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect::<Vec<_>>();
    let rules = |rules: Vec<Rule>| Ok(Premise::WithoutRules(workload(text, value, form)?, rules));
    let premise = match name {
        "prices" => return Ok(Term::Prices(value.into())),
        "node-pool" => return Ok(Term::NodePools(value.into())),
        "requests" => return Ok(Term::Requests(value.into())),
        "growth" => Ok(Premise::Growth(percent(text, value, MOST_GROWTH)?)),
        "spot" => Ok(Premise::Spot(percent(text, value, 100)?)),
        "without-zone" => Ok(Premise::WithoutZone(value.into())),
        "without-family" => Ok(Premise::WithoutFamilies(list())),
        "only-family" => Ok(Premise::OnlyFamilies(list())),
        "without-budget" => match value.split('/').collect::<Vec<_>>().as_slice() {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(Premise::WithoutBudget((*namespace).into(), (*name).into()))
            }
            _ => Err(format!("`{text}` names no budget; write it as {form}")),
        },
        "without-affinity" => rules(vec![Rule::PodAffinity, Rule::PodAntiAffinity]),
        "without-node-affinity" => rules(vec![Rule::NodeAffinity]),
        _ => rules(vec![Rule::Spread(None)]),
    };
    premise.map(Term::Premise)
}

fn percent(text: &str, value: &str, most: u32) -> Result<u32, String> {
    let number = value.strip_suffix('%').unwrap_or(value).trim().parse();
    let percent: Option<u32> = number.ok().filter(|percent| *percent <= most);
    percent.ok_or_else(|| format!("`{text}` is no whole percentage from 0% to {most}%"))
}

fn workload(text: &str, value: &str, form: &str) -> Result<WorkloadRef, String> {
    match value.split('/').collect::<Vec<_>>().as_slice() {
        [namespace, kind, name] if [namespace, kind, name].iter().all(|part| !part.is_empty()) => {
            Ok(WorkloadRef { kind: (*kind).into(), namespace: (*namespace).into(), name: (*name).into() })
        }
        _ => Err(format!("`{text}` names no workload; write it as {form}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_joined_by_plus_and_values_by_commas() {
        let scenario = parse("growth=20%+without-family=t3, m5+prices=a+b.csv").unwrap();
        assert_eq!(
            scenario.terms,
            [
                Term::Premise(Premise::Growth(20)),
                Term::Premise(Premise::WithoutFamilies(vec!["t3".to_owned(), "m5".to_owned()])),
                Term::Prices("a+b.csv".into()),
            ]
        );
        let rules = parse("without-affinity=web/Deployment/api").unwrap().terms;
        let workload = WorkloadRef { kind: "Deployment".into(), namespace: "web".into(), name: "api".into() };
        let both = vec![Rule::PodAffinity, Rule::PodAntiAffinity];
        assert_eq!(rules, [Term::Premise(Premise::WithoutRules(workload, both))]);
    }

    #[test]
    fn nonsense_is_told_what_there_is() {
        for (text, error) in [
            ("", "`` is no premise; there are growth=20%, "),
            ("groth=3", "`groth=3` is no premise; there are growth=20%, "),
            ("growth", "`growth` is no premise"),
            ("growth=", "`growth=` lacks a value; write it as growth=20%"),
            ("growth=-1%", "`growth=-1%` is no whole percentage from 0% to 1000%"),
            ("spot=101%", "`spot=101%` is no whole percentage from 0% to 100%"),
            ("without-budget=kafka", "`without-budget=kafka` names no budget"),
            ("without-spread=web/api", "`without-spread=web/api` names no workload"),
            ("growth=1%+zone=a", "`zone=a` is no premise"),
        ] {
            assert!(parse(text).unwrap_err().starts_with(error), "{text}: {}", parse(text).unwrap_err());
        }
    }
}
