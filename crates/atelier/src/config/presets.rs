//! The presets, built into the program from `presets/<verb>/<name>.toml`.

use anyhow::{Result, anyhow};

use super::keys::did_you_mean;
use crate::failure::Help as _;
use crate::terminal::brief;

/// A named configuration of one verb.
#[derive(Debug)]
pub struct Preset {
    /// The verb that it is for.
    pub verb: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Its TOML.
    pub text: &'static str,
}

impl Preset {
    /// Verb and name, such as `train/baseline`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}/{}", self.verb, self.name)
    }
}

/// All presets; the first of a verb is its default.
pub const PRESETS: &[Preset] = &[
    Preset {
        verb: "train",
        name: "baseline",
        text: include_str!("../../presets/train/baseline.toml"),
    },
    Preset { verb: "train", name: "tuned", text: include_str!("../../presets/train/tuned.toml") },
    Preset {
        verb: "train",
        name: "best-dense",
        text: include_str!("../../presets/train/best-dense.toml"),
    },
    Preset {
        verb: "autoencoder",
        name: "assignment",
        text: include_str!("../../presets/autoencoder/assignment.toml"),
    },
    Preset {
        verb: "autoencoder",
        name: "best",
        text: include_str!("../../presets/autoencoder/best.toml"),
    },
    Preset {
        verb: "autoencoder",
        name: "longest",
        text: include_str!("../../presets/autoencoder/longest.toml"),
    },
    Preset {
        verb: "init",
        name: "assignment",
        text: include_str!("../../presets/init/assignment.toml"),
    },
    Preset {
        verb: "landscape",
        name: "assignment",
        text: include_str!("../../presets/landscape/assignment.toml"),
    },
    Preset {
        verb: "landscape",
        name: "full",
        text: include_str!("../../presets/landscape/full.toml"),
    },
    Preset {
        verb: "tune",
        name: "assignment",
        text: include_str!("../../presets/tune/assignment.toml"),
    },
    Preset {
        verb: "variants",
        name: "assignment",
        // The baseline is that of `train`, word for word.
        text: concat!(
            include_str!("../../presets/train/baseline.toml"),
            include_str!("../../presets/variants/assignment.toml")
        ),
    },
    Preset {
        verb: "variants",
        name: "reproduce",
        text: concat!(
            include_str!("../../presets/train/baseline.toml"),
            include_str!("../../presets/variants/reproduce.toml")
        ),
    },
];

/// The preset of `verb` by its name, with or without `verb/` before it; without a name the
/// default one.
///
/// # Errors
/// Fails if there is no such preset; the error lists those that there are.
pub fn find(verb: &str, name: Option<&str>) -> Result<&'static Preset> {
    let mut of_verb = PRESETS.iter().filter(|preset| preset.verb == verb);
    let Some(name) = name else {
        return of_verb.next().ok_or_else(|| anyhow!("the verb `{verb}` has no preset"));
    };
    let short = name.strip_prefix(verb).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name);
    of_verb.clone().find(|preset| preset.name == short).ok_or(()).or_else(|()| {
        let names: Vec<&str> = of_verb.by_ref().map(|preset| preset.name).collect();
        let titles: Vec<String> = PRESETS.iter().map(Preset::title).collect();
        // A slash says that a verb was named, though none that has this preset.
        let near = if short.contains('/') {
            did_you_mean(short, titles.iter().map(String::as_str))
        } else {
            did_you_mean(short, names.iter().copied())
        };
        Err(anyhow!("unknown preset `{}` of `{verb}`{near}", brief(name)))
            .help(|| format!("presets of `{verb}`: {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_found_by_either_name_and_the_first_is_the_default() {
        for name in [None, Some("baseline"), Some("train/baseline")] {
            assert_eq!(find("train", name).expect("a preset").title(), "train/baseline");
        }
    }

    #[test]
    fn an_unknown_preset_is_refused_with_those_that_exist() {
        let message = crate::failure::render(&find("train", Some("basline")).expect_err("unknown"));
        assert!(message.contains("did you mean `baseline`?"), "{message}");
        assert!(message.contains("presets of `train`: baseline, tuned, best-dense"), "{message}");
        let message = find("train", Some("trainn/baseline")).expect_err("unknown").to_string();
        assert!(message.contains("did you mean `train/baseline`?"), "{message}");
    }
}
