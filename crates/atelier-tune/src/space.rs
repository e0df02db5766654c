use std::ops::ControlFlow;

use crate::{Domain, Error, Result, Settings, Value};

/// One hyperparameter of a search space.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name: the path of a key in the configuration, such as `optimizer.learning_rate`.
    pub name: String,
    /// What values it can take.
    pub domain: Domain,
    /// It exists only in settings where each of these parameters has this value.
    pub when: Vec<(String, Value)>,
}

impl Parameter {
    fn new(name: &str, domain: Domain) -> Self {
        Self { name: name.to_string(), domain, when: Vec::new() }
    }

    /// Numbers from `low` to `high`.
    #[must_use]
    pub fn float(name: &str, low: f64, high: f64) -> Self {
        Self::new(name, Domain::Float { low, high, log: false, step: None })
    }

    /// Numbers from `low` to `high`, where factors count and not differences.
    #[must_use]
    pub fn log_float(name: &str, low: f64, high: f64) -> Self {
        Self::new(name, Domain::Float { low, high, log: true, step: None })
    }

    /// Integers from `low` to `high`, both included.
    #[must_use]
    pub fn int(name: &str, low: i64, high: i64) -> Self {
        Self::new(name, Domain::Int { low, high, log: false, step: 1 })
    }

    /// One of several values without an order.
    #[must_use]
    pub fn choices<V: Into<Value>>(name: &str, choices: impl IntoIterator<Item = V>) -> Self {
        Self::new(name, Domain::Choices(choices.into_iter().map(Into::into).collect()))
    }

    /// Only in settings where `parent` has this value.
    #[must_use]
    pub fn when(mut self, parent: &str, value: impl Into<Value>) -> Self {
        self.when.push((parent.to_string(), value.into()));
        self
    }
}

/// A checked search space.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// Those that others depend on come before them.
    parameters: Vec<Parameter>,
}

impl Space {
    /// Checks the parameters and puts them in an order in which conditions can be decided.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no parameter; [`Error::Parameter`] if a name appears twice, a
    /// domain is empty or not finite, or a condition names a parameter or value that is not there.
    pub fn new(parameters: impl IntoIterator<Item = Parameter>) -> Result<Self> {
        let mut waiting: Vec<Parameter> = parameters.into_iter().collect();
        if waiting.is_empty() {
            return Err(Error::setting("tune.space", "one parameter or more", "empty"));
        }
        let names: Vec<String> = waiting.iter().map(|parameter| parameter.name.clone()).collect();
        for (i, parameter) in waiting.iter().enumerate() {
            parameter.domain.check(&parameter.name)?;
            if names[..i].contains(&parameter.name) {
                return Err(Error::parameter(&parameter.name, "its name", "a free one", "taken"));
            }
            for (parent, _) in &parameter.when {
                if !names.contains(parent) {
                    let expected = "a parameter of the space";
                    return Err(Error::parameter(&parameter.name, "when", expected, parent));
                }
            }
        }
        let mut placed: Vec<Parameter> = Vec::new();
        while !waiting.is_empty() {
            let free = waiting.iter().position(|parameter| {
                let is_placed = |name: &String| placed.iter().any(|other| other.name == *name);
                parameter.when.iter().all(|(parent, _)| is_placed(parent))
            });
            let Some(free) = free else {
                let name = &waiting[0].name;
                return Err(Error::parameter(name, "when", "no circle", "one that ends in itself"));
            };
            let mut parameter = waiting.remove(free);
            for (parent, value) in &mut parameter.when {
                let domain = placed.iter().find(|other| other.name == *parent).map(|p| &p.domain);
                *value = domain.and_then(|domain| domain.canonical(value)).ok_or_else(|| {
                    let expected = format!("a value of {parent:?}");
                    Error::parameter(&parameter.name, "when", expected, &*value)
                })?;
            }
            placed.push(parameter);
        }
        Ok(Self { parameters: placed })
    }

    /// The parameters; those that others depend on come before them.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// Settings whose values come from `draw`, which is asked once for each parameter that exists
    /// beside the values before it.
    pub(crate) fn fill(&self, mut draw: impl FnMut(usize, &Domain) -> Value) -> Settings {
        let mut settings = Settings::default();
        for (i, parameter) in self.parameters.iter().enumerate() {
            if exists(parameter, &settings) {
                settings.push(&parameter.name, draw(i, &parameter.domain));
            }
        }
        settings
    }

    /// The part of foreign settings that this space knows, in its own words and order; `None` if a
    /// value is missing or outside the space.
    pub(crate) fn adopt(&self, foreign: &Settings) -> Option<Settings> {
        let mut settings = Settings::default();
        for parameter in &self.parameters {
            if exists(parameter, &settings) {
                let value = parameter.domain.canonical(foreign.get(&parameter.name)?)?;
                settings.push(&parameter.name, value);
            }
        }
        Some(settings)
    }

    /// How many different settings there are; `None` where a parameter has a continuum of values,
    /// and `u64::MAX` for that many or more.
    #[must_use]
    pub fn size(&self) -> Option<u64> {
        self.parameters.iter().all(|parameter| parameter.domain.size().is_some()).then(|| {
            let mut settings = Settings::default();
            self.count(0, &mut settings)
        })
    }

    fn count(&self, i: usize, settings: &mut Settings) -> u64 {
        let Some(parameter) = self.parameters.get(i) else { return 1 };
        if !exists(parameter, settings) {
            return self.count(i + 1, settings);
        }
        // Only the values that conditions name must be told apart.
        let conditions = self.parameters[i + 1..].iter().flat_map(|later| &later.when);
        let mut named: Vec<&Value> = Vec::new();
        for (parent, value) in conditions {
            if *parent == parameter.name && !named.contains(&value) {
                named.push(value);
            }
        }
        let mut total = 0_u64;
        for &value in &named {
            let mut with = settings.clone();
            with.push(&parameter.name, value.clone());
            total = total.saturating_add(self.count(i + 1, &mut with));
        }
        let others = parameter.domain.size().unwrap_or(u64::MAX) - named.len() as u64;
        if others > 0 {
            total = total.saturating_add(others.saturating_mul(self.count(i + 1, settings)));
        }
        total
    }

    /// Shows `visit` all settings of a finite space, each once, the last parameter changing first,
    /// until it has seen enough. A continuum is shown at `points` values.
    pub(crate) fn walk(&self, points: u64, visit: &mut dyn FnMut(Settings) -> ControlFlow<()>) {
        let _ = self.walk_from(0, &Settings::default(), points, visit);
    }

    fn walk_from(
        &self,
        i: usize,
        settings: &Settings,
        points: u64,
        visit: &mut dyn FnMut(Settings) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(parameter) = self.parameters.get(i) else { return visit(settings.clone()) };
        if !exists(parameter, settings) {
            return self.walk_from(i + 1, settings, points, visit);
        }
        let domain = &parameter.domain;
        for n in 0..domain.size().unwrap_or(points) {
            let value = if domain.size().is_some() {
                domain.nth(n)
            } else {
                let (low, high) = domain.range();
                let share = if points > 1 { n as f64 / (points - 1) as f64 } else { 0.5 };
                domain.nearest(low + share * (high - low))
            };
            let mut with = settings.clone();
            with.push(&parameter.name, value);
            self.walk_from(i + 1, &with, points, visit)?;
        }
        ControlFlow::Continue(())
    }
}

fn exists(parameter: &Parameter, settings: &Settings) -> bool {
    parameter.when.iter().all(|(parent, value)| settings.get(parent) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditional() -> Space {
        Space::new([
            Parameter::int("momentum.steps", 1, 4).when("optimizer", "sgd"),
            Parameter::choices("optimizer", ["sgd", "adam", "rmsprop"]),
            Parameter::choices("nesterov", [true, false]).when("momentum.steps", 2),
            Parameter::int("layers", 3, 5),
        ])
        .expect("a space")
    }

    #[test]
    fn conditions_may_be_declared_in_any_order() {
        let space = conditional();
        let names: Vec<&str> = space.parameters().iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["optimizer", "momentum.steps", "nesterov", "layers"]);
    }

    #[test]
    fn the_size_is_the_number_of_different_settings() {
        let space = conditional();
        let mut seen = std::collections::HashSet::new();
        space.walk(0, &mut |settings| {
            assert!(seen.insert(settings.to_string()), "{settings} twice");
            ControlFlow::Continue(())
        });
        // (3 values of momentum without nesterov, one with two) or two other optimisers, each with three depths.
        assert_eq!(seen.len(), (3 + 2 + 2) * 3);
        assert_eq!(space.size(), Some(21));
        let huge = Space::new((0..9).map(|i| Parameter::int(&format!("p{i}"), 0, 1 << 50)));
        assert_eq!(huge.expect("a space").size(), Some(u64::MAX));
        let float = Space::new([Parameter::float("x", 0.0, 1.0)]).expect("a space");
        assert_eq!(float.size(), None);
    }

    #[test]
    fn foreign_settings_are_adopted_if_nothing_is_missing() {
        let space = conditional();
        let foreign = |pairs: &[(&str, Value)]| {
            space.adopt(&pairs.iter().cloned().collect::<Settings>()).map(|s| s.to_string())
        };
        let adam = ("optimizer", Value::from("adam"));
        assert_eq!(
            foreign(&[("layers", Value::from(4)), adam.clone(), ("other", Value::from(1))]),
            Some("optimizer = \"adam\", layers = 4".to_string())
        );
        assert_eq!(foreign(std::slice::from_ref(&adam)), None);
        assert_eq!(foreign(&[adam, ("layers", Value::from(9))]), None);
    }

    #[test]
    fn what_cannot_be_searched_is_refused_with_the_facts() {
        let message =
            |parameters: Vec<Parameter>| Space::new(parameters).expect_err("refused").to_string();
        let x = || Parameter::float("x", 0.0, 1.0);
        assert_eq!(message(vec![]), "tune.space is empty, expected one parameter or more");
        assert!(message(vec![x(), x()]).contains("its name is taken"));
        assert!(message(vec![Parameter::float("x", 1.0, 1.0)]).contains("low < high"));
        assert!(message(vec![Parameter::log_float("x", 0.0, 1.0)]).contains("a low above 0"));
        assert!(message(vec![x().when("y", 1)]).contains("when is y, expected a parameter"));
        assert!(
            message(vec![x(), Parameter::int("n", 0, 1).when("x", 3.0)])
                .contains("a value of \"x\"")
        );
        assert!(
            message(vec![x().when("z", 1), Parameter::int("z", 0, 1).when("x", 1.0)])
                .contains("no circle")
        );
        assert!(message(vec![Parameter::choices("c", [1, 2, 1])]).contains("1 twice"));
        assert!(message(vec![Parameter::choices::<i64>("c", [])]).contains("one or more"));
    }
}
